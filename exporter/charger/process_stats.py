"""What the exporter counts of itself: scrapes, commits and reloads."""

from dataclasses import dataclass


@dataclass(slots=True)
class ExporterProcess:
    """The counts of this process; times are unix seconds, durations seconds."""

    version: str
    python_version: str
    socketio_version: str
    reload_successful: bool = True
    reload_success_unix: float = 0.0
    commits: int = 0
    commit_failures: int = 0
    commit_seconds: float = 0.0
    scrapes: int = 0
    scrape_seconds: float = 0.0
    damaged_state_files: int = 0
    web_reload_successful: bool = True
