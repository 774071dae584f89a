"""Watches files on disk, and calls a function when they change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from exporter.config.files import FileMark
from exporter.daemon_thread import in_daemon_thread

CHECK_SECONDS: Final = 5.0
# A file that is being written changes from check to check. It is read once two checks find the same marks, or at every
# third check if it changes all the time.
MAX_CHANGING_CHECKS: Final = 3

Marks = Mapping[Path, FileMark | None]


async def watch_files(
    marks: Callable[[], Marks | None],
    current_marks: Callable[[], Marks],
    changed: Callable[[Marks | None], Awaitable[None]],
    check_seconds: float = CHECK_SECONDS,
) -> None:
    """Call `changed` when files have changed, and at every check while reading them fails, until cancelled.

    `marks` returns the marks of the files as they were last read, taken before the reading, or None if that reading
    failed. `current_marks` returns the marks as they are now; it runs in a thread. `changed` gets these, or None if
    they cannot be read; it logs errors and never raises.
    """
    before = marks()
    changing_checks = 0
    while True:
        await asyncio.sleep(check_seconds)
        now: Marks | None = None
        with suppress(Exception):  # reading the files gives the reason
            now = await in_daemon_thread(current_marks)
        changing_checks = changing_checks + 1 if now != before else 0
        before = now
        if now != marks() and changing_checks % MAX_CHANGING_CHECKS == 0:
            await changed(now)
