"""Runs calls that may hang on a disk, each in a thread of its own.

Such a call delays neither the exit of the process nor the calls in asyncio's threads, of which there are only
four more than cores.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def in_daemon_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """Run a call in a daemon thread, and return its outcome as a future of the running loop."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # Retrieve the exception, so that asyncio does not log a failure after the deadline.
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
        call_soon(loop, finish, settle, outcome)

    try:
        threading.Thread(target=work, name="disk", daemon=True).start()
    except RuntimeError as error:  # the system cannot start another thread
        future.set_exception(error)
    return future


def call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[*Ts], object], *arguments: *Ts) -> None:
    """Call this in the thread of the loop, unless the loop has been closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)
