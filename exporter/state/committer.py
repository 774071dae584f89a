"""Commits changes to the state file before a scrape shows them.

Commits run in a thread, one at a time; callers that request one during a commit share the next. If a commit fails or
exceeds its deadline, its chargers stay unsaved and the shown totals stay the same; the next commit retries.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from exporter.charger.charger import Charger
from exporter.charger.process_stats import ExporterProcess
from exporter.errors import cause_of
from exporter.logs import Log
from exporter.state.charger_rows import Row, row_of
from exporter.state.store import StateStore

T = TypeVar("T")

# How long a scrape waits for its commit.
TIMEOUT_SECONDS: Final = 5.0
# Together with TIMEOUT_SECONDS, no total on disk is older than 15 s without scrapes.
INTERVAL_SECONDS: Final = 10.0
# Log a persistent failure once per minute.
LOG_AGAIN_SECONDS: Final = 60.0


class Commits:
    """Commits chargers that have changed to a store, without blocking the event loop."""

    def __init__(
        self,
        store: StateStore,
        process: ExporterProcess,
        log: Log,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._store = store
        self._process = process
        self._log = log
        self._interval = interval_seconds
        self._timeout = timeout_seconds
        self._unsaved: dict[Charger, Row] = {}
        self._writing: asyncio.Task[None] | None = None
        # Set while there is no commit to wait for: none runs, or the one that runs has exceeded its deadline.
        self._settled = asyncio.Event()
        self._settled.set()
        self._failure_logged: float | None = None
        self._is_failing = False

    @property
    def unsaved(self) -> Collection[Charger]:
        """The chargers that have changed since their last commit began."""
        return self._unsaved.keys()

    def add(self, charger: Charger) -> None:
        """Write the present state of this charger with the next commit.

        The state is encoded at once. This spreads the work over the time between two scrapes, and takes half as long
        as at the commit, when it is no longer in the processor's cache.
        """
        self._unsaved[charger] = row_of(charger.charger_id, charger.kept_state())

    async def run(self) -> None:
        """Commit at regular intervals until cancelled, also without scrapes."""
        while True:
            await asyncio.sleep(self._interval)
            await self.commit()

    async def commit(self) -> None:
        """Write all unsaved chargers to disk, or give up at the deadline. Never raises."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        # A running commit may have started before the latest changes.
        await self._settled.wait()
        if self._writing is None and self._unsaved:
            self._settled.clear()
            batch, self._unsaved = self._unsaved, {}
            self._writing = asyncio.create_task(self._write(batch, deadline), name="commit")
        # The deadline of the first caller, which started it, is the earliest.
        await self._settled.wait()

    async def close(self, timeout_seconds: float) -> None:
        """Make the final commit and close the store, or give up at the deadline."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self.commit()
                if self._writing is None:
                    await in_daemon_thread(self._store.close)
        if self._writing is not None or self.unsaved:
            self._log.error("final commit failed; totals since the previous commit are lost")

    async def _write(self, batch: dict[Charger, Row], deadline: float) -> None:
        process = self._process
        loop = asyncio.get_running_loop()
        process.commits += 1
        started = time.perf_counter()
        try:
            written = in_daemon_thread(partial(self._store.write, batch.values()))
            await asyncio.wait({written}, timeout=deadline - loop.time())
            is_late = not written.done()
            if is_late:
                self._fail(f"it takes longer than {self._timeout:g} s")
                self._retry(batch)
                self._settled.set()
                await asyncio.wait({written})
            error = written.exception()
            if error is None:
                self._succeed(batch, written.result())
            elif not is_late:
                self._fail(cause_of(error))
                self._retry(batch)
        finally:
            process.commit_seconds += time.perf_counter() - started
            self._writing = None
            self._settled.set()

    def _retry(self, batch: dict[Charger, Row]) -> None:
        """Write these rows with the next commit, unless their chargers have newer ones."""
        self._unsaved = batch | self._unsaved

    def _fail(self, reason: str) -> None:
        self._process.commit_failures += 1
        now = asyncio.get_running_loop().time()
        if self._failure_logged is None or now - self._failure_logged >= LOG_AGAIN_SECONDS:
            self._failure_logged = now
            self._is_failing = True
            self._log.error("state commit failed; serving the last committed totals", error=reason)

    def _succeed(self, batch: dict[Charger, Row], repaired: str) -> None:
        for charger, row in batch.items():
            charger.saved(row.totals, row.sessions)
            if row.sessions and charger in self._unsaved:
                self.add(charger)  # its newer row still has the sessions that are on disk now
        if repaired:
            self._process.damaged_state_files = self._store.damaged_files
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
