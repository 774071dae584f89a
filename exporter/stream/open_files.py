"""The limit of open streams, which leaves some open files to the rest of the process."""

import asyncio
import resource
import sys
from typing import Final

from exporter.charger.process_stats import ExporterProcess

# Open files that are not streams: scrapes (at most 256), the state file, logs, and the second socket of a handshake.
OWN_FILES: Final = 400


def raise_limit() -> None:
    """Raise the soft limit of open files to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def max_streams() -> int:
    """Return how many streams the hard limit of open files leaves room for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else max(1, hard - OWN_FILES)


def shortage(chargers: int) -> str | None:
    """Return the problem and its remedy if the limit of open files is too low for this number of chargers."""
    if chargers <= max_streams():
        return None
    return (
        f"the limit of open files leaves room for {max_streams()} of {chargers} streams, the others wait: raise it to "
        f"{chargers + OWN_FILES} (ulimit -n, LimitNOFILE=) or use more shards"
    )


class OpenFiles:
    """Limits how many streams have a connection at the same time. The others wait in order."""

    def __init__(self, process: ExporterProcess, streams: int) -> None:
        self._process = process
        self._places = asyncio.Semaphore(streams)

    async def __aenter__(self) -> None:
        self._process.streams_waiting_for_files += 1
        try:
            await self._places.acquire()
        finally:
            self._process.streams_waiting_for_files -= 1

    async def __aexit__(self, *_: object) -> None:
        self._places.release()
