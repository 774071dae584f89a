"""Watches files on disk, and calls a function when they change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from exporter.config.files import FileMark

CHECK_SECONDS: Final = 5.0
# A file that is being written changes from check to check. It is read once two checks find the same marks, or at every
# third check if it changes all the time.
MAX_CHANGING_CHECKS: Final = 3

Marks = Mapping[Path, FileMark | None]


class FileWatcher:
    """Calls `changed` when files have changed, and at every check while reading them fails.

    `marks` returns the marks of the files as they were last read, taken before the reading, or None if that reading
    failed. `current_marks` returns the marks as they are now; it runs in a thread. `changed` gets these, or None if
    they cannot be read; it logs errors and never raises.
    """

    def __init__(
        self,
        marks: Callable[[], Marks | None],
        current_marks: Callable[[], Marks],
        changed: Callable[[Marks | None], Awaitable[None]],
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._marks = marks
        self._current_marks = current_marks
        self._changed = changed
        self._check_seconds = check_seconds

    async def run(self) -> None:
        """Watch until cancelled."""
        before = self._marks()
        changing_checks = 0
        while True:
            await asyncio.sleep(self._check_seconds)
            now = await self._now()
            changing_checks = changing_checks + 1 if now != before else 0
            before = now
            if now != self._marks() and changing_checks % MAX_CHANGING_CHECKS == 0:
                await self._changed(now)

    async def _now(self) -> Marks | None:
        try:
            return await asyncio.to_thread(self._current_marks)
        except Exception:
            return None  # Reading the files gives the reason.
