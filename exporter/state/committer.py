"""Commits changes to the state file before a scrape shows them.

Commits run in a thread, one at a time; callers that request one during a commit share the next. If a commit fails or
exceeds its deadline, its chargers stay dirty and the shown totals stay the same; the next commit retries.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from exporter.charger.charger import Charger, KeptState
from exporter.errors import cause_of
from exporter.fleet import Fleet
from exporter.logs import Log
from exporter.state.charger_rows import Row, row_of

T = TypeVar("T")

# How long a scrape waits for its commit.
PATIENCE_SECONDS: Final = 5.0
# Together with PATIENCE_SECONDS, no total on disk is older than 15 s without scrapes.
INTERVAL_SECONDS: Final = 10.0
# Encoding holds the event loop for 3 us per charger, so it is done in slices.
SLICE: Final = 1000
# Log a persistent failure once per minute.
LOG_AGAIN_SECONDS: Final = 60.0


class Store(Protocol):
    """The methods of a StateStore that are used here. They block."""

    damaged_files: int

    def write(self, rows: Mapping[str, Row]) -> str:
        """Write all of these or none; return what was repaired before, empty if nothing was."""

    def close(self) -> None:
        """Close the file."""


class Commits:
    """Commits a fleet's dirty chargers to a store, without blocking the event loop."""

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        log: Log,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._log = log
        self._interval = interval_seconds
        self._patience = patience_seconds
        self._writing: asyncio.Task[None] | None = None
        # Set while there is no commit to wait for: none runs, or the one that runs has exceeded its deadline.
        self._settled = asyncio.Event()
        self._settled.set()
        self._failure_logged: float | None = None
        self._is_failing = False

    async def run(self) -> None:
        """Commit at regular intervals until cancelled, also without scrapes."""
        while True:
            await asyncio.sleep(self._interval)
            await self.commit()

    async def commit(self) -> None:
        """Write all chargers that are dirty now to disk, or give up at the deadline. Never raises."""
        deadline = asyncio.get_running_loop().time() + self._patience
        # A running commit may have started before the latest changes.
        await self._settled.wait()
        if self._writing is None and self._fleet.dirty:
            self._settled.clear()
            self._writing = asyncio.create_task(self._write(deadline), name="commit")
        # The deadline of the first caller, which started it, is the earliest.
        await self._settled.wait()

    async def close(self, patience_seconds: float) -> None:
        """Make the final commit and close the store, or give up at the deadline."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self.commit()
                if self._writing is None:
                    await in_daemon_thread(self._store.close)
        if self._writing is not None or self._fleet.dirty:
            self._log.error("final commit failed; totals since the previous commit are lost")

    async def _write(self, deadline: float) -> None:
        process = self._fleet.process
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        try:
            batch, rows = await self._take_dirty()
            process.commits += 1
            written = in_daemon_thread(partial(self._store.write, rows))
            await asyncio.wait({written}, timeout=deadline - loop.time())
            is_late = not written.done()
            if is_late:
                self._fail(f"it takes longer than {self._patience:g} s")
                self._fleet.dirty.update(batch)
                self._settled.set()
                await asyncio.wait({written})
            error = written.exception()
            if error is None:
                self._fleet.committed(batch.items())
                self._succeed(written.result())
            elif not is_late:
                self._fail(cause_of(error))
                self._fleet.dirty.update(batch)
        finally:
            process.commit_seconds += time.perf_counter() - started
            self._writing = None
            self._settled.set()

    async def _take_dirty(self) -> tuple[dict[Charger, KeptState], dict[str, Row]]:
        """Take the chargers that are dirty now; return their states, and the rows to write."""
        # In the order of memory, which is also the order in the file: half the time for 10,000 chargers.
        chargers = sorted(self._fleet.dirty, key=id)
        batch: dict[Charger, KeptState] = {}
        rows: dict[str, Row] = {}
        try:
            for first in range(0, len(chargers), SLICE):
                for charger in chargers[first : first + SLICE]:
                    # Encoded at once, since the next event changes the state. After that the charger is dirty again.
                    batch[charger] = charger.kept_state()
                    rows[charger.charger_id] = row_of(batch[charger])
                    self._fleet.dirty.discard(charger)
                await asyncio.sleep(0)
        except BaseException:
            self._fleet.dirty.update(batch)
            raise
        return batch, rows

    def _fail(self, reason: str) -> None:
        self._fleet.process.commit_failures += 1
        now = asyncio.get_running_loop().time()
        if self._failure_logged is None or now - self._failure_logged >= LOG_AGAIN_SECONDS:
            self._failure_logged = now
            self._is_failing = True
            self._log.error("state commit failed; serving the last committed totals", error=reason)

    def _succeed(self, repaired: str) -> None:
        if repaired:
            self._fleet.process.damaged_state_files = self._store.damaged_files
            self._log.error(repaired)
        if self._is_failing:
            self._is_failing = False
            self._log.info("state commits work again")


def in_daemon_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """Run a call that may hang on a disk in a daemon thread, which does not block the exit of the process."""
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
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(finish, settle, outcome)

    try:
        threading.Thread(target=work, name="state", daemon=True).start()
    except RuntimeError as error:  # the system cannot start another thread
        future.set_exception(error)
    return future
