"""Counters of the exporter itself: scrapes, commits, reloads and HTTP answers."""

from dataclasses import dataclass, field
from typing import Final

# The status codes that have a series from the start; any other is counted as OTHER_CODE.
HTTP_CODES: Final = ("200", "400", "401", "403", "404", "405", "429", "500", "503")
OTHER_CODE: Final = "other"


@dataclass(slots=True)
class ExporterProcess:
    """Counters of this process; times are unix seconds, durations seconds."""

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
    shard: int = 0
    total_shards: int = 1
    streams_waiting_for_files: int = 0
    http_answers: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*HTTP_CODES, OTHER_CODE), 0))

    def count_answer(self, status: int) -> None:
        """Count an HTTP answer with this status."""
        code = str(status)
        self.http_answers[code if code in self.http_answers else OTHER_CODE] += 1
