"""Turns at what one may do at a time, shared out fairly."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class CrowdedError(Exception):
    """Too many wait already."""


class Turns:
    """One has its turn, others wait in lines, at most `places` in all. The lines take turns, so whoever asks for many
    waits behind itself; and once all places are taken, the last of the longest line has to go.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._is_taken = False
        # The line whose turn it is stands first: dicts keep their order. None is empty.
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, line: str) -> AsyncIterator[None]:
        """Waits in `line`, and has the turn while it lasts; raises CrowdedError."""
        if self._is_taken:
            await self._wait(line)
        self._is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, line: str) -> None:
        if sum(map(len, self._lines.values())) >= self._places:
            self._make_room(line)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(line, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._pass_on()  # it had just come
            raise

    def _make_room(self, line: str) -> None:
        longest = max(self._lines.values(), key=len)
        if len(longest) <= len(self._lines.get(line, ())) + 1:
            raise CrowdedError
        last = longest.pop()
        if not last.done():
            last.set_exception(CrowdedError())

    def _pass_on(self) -> None:
        while self._lines:
            line = next(iter(self._lines))
            waiting = self._lines.pop(line)
            turn = waiting.popleft()
            if waiting:
                self._lines[line] = waiting
            if not turn.done():  # else who waited was cancelled
                turn.set_result(None)
                return
        self._is_taken = False
