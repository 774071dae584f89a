"""Watches files on disk, and calls a function when they change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from exporter.config.files import FileMark

LOOK_SECONDS: Final = 5.0
# A file that is being written changes from check to check. It is read once two checks find the same marks, or at every
# third check if it changes all the time.
MAX_CHANGING_LOOKS: Final = 3

Marks = Mapping[Path, FileMark | None]


class FileWatcher:
    """Calls `changed` when files have changed, and at every check while reading them fails.

    `marks` returns the marks of the files as they were last read, taken before the reading, or None if that reading
    failed. `look` returns the marks as they are now; it runs in a thread. `changed` gets these, or None if the files
    cannot be looked at; it logs what fails and never raises.
    """

    def __init__(
        self,
        marks: Callable[[], Marks | None],
        look: Callable[[], Marks],
        changed: Callable[[Marks | None], Awaitable[None]],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._marks = marks
        self._look = look
        self._changed = changed
        self._look_seconds = look_seconds

    async def run(self) -> None:
        """Watch until cancelled."""
        before = self._marks()
        changing_looks = 0
        while True:
            await asyncio.sleep(self._look_seconds)
            now = await self._now()
            changing_looks = changing_looks + 1 if now != before else 0
            before = now
            if now != self._marks() and changing_looks % MAX_CHANGING_LOOKS == 0:
                await self._changed(now)

    async def _now(self) -> Marks | None:
        try:
            return await asyncio.to_thread(self._look)
        except Exception:
            return None  # Reading the files gives the reason.
