"""Calls that may hang, in threads that hold up nothing: neither the event loop nor the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def in_thread(call: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Runs a call in a thread of that name: a daemon, which nobody waits for when the process ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # Whoever has lost patience asks no more: a late failure is no news.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def finish(settle: Callable[[Any], None], outcome: object) -> None:
        if not future.cancelled():
            settle(outcome)

    def work() -> None:
        settle: Callable[[Any], None] = future.set_result
        outcome: object
        try:
            outcome = call()
        except BaseException as error:
            settle, outcome = future.set_exception, error
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            loop.call_soon_threadsafe(finish, settle, outcome)

    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError as error:  # the system has no thread to spare
        future.set_exception(error)
    return future


class OneThread:
    """Runs calls that may hang, one at a time; while one hangs, the others fail: threads do not pile up."""

    def __init__(self, name: str, limit_seconds: float) -> None:
        self._name = name
        self._limit = limit_seconds
        self._running: asyncio.Future[Any] | None = None
        self._deadline = 0.0

    async def run(self, call: Callable[[], T]) -> T:
        """What the call gives; raises TimeoutError if that takes too long, or the one before it does."""
        while self._running is not None and not self._running.done():
            await self._end_of(self._running)
        running = in_thread(call, self._name)
        self._running = running
        self._deadline = asyncio.get_running_loop().time() + self._limit
        await self._end_of(running)
        return running.result()

    async def _end_of(self, running: asyncio.Future[Any]) -> None:
        await asyncio.wait({running}, timeout=self._deadline - asyncio.get_running_loop().time())
        if not running.done():
            raise TimeoutError
