"""Commits changes to the state file before a scrape shows them.

Commits run in a thread, one at a time; callers that request one during a commit share the next. If a commit fails or
exceeds its deadline, its chargers stay unsaved and the shown totals stay the same; the next commit retries.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Final

from exporter.charger.charger import Charger
from exporter.charger.process_stats import ExporterProcess
from exporter.errors import cause_of
from exporter.logs import Log
from exporter.state.charger_rows import Row, row_of
from exporter.state.daemon_thread import in_daemon_thread
from exporter.state.store import StateStore

# How long a scrape waits for its commit.
TIMEOUT_SECONDS: Final = 5.0
# Without scrapes, from the end of a commit to the next one: a total on disk is hardly older.
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
        # Whether the last commit has ended or exceeded its deadline, so that callers need not wait for it.
        self._ended_or_late = asyncio.Event()
        self._ended_or_late.set()
        # Whether the last commit has executed its statements, so that only the disk has to be waited for.
        self._waits_for_disk = asyncio.Event()
        self._waits_for_disk.set()
        self._failure_logged_at: float | None = None
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
        await self.begin()
        await self.end()

    async def begin(self) -> None:
        """Begin to write all unsaved chargers, and return when only the disk has to be waited for.

        Other work before that makes the commit slow: after each statement, its thread waits up to 5 ms for the
        interpreter's lock.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        # A running commit may have started before the latest changes.
        await self._ended_or_late.wait()
        if self._writing is None and self._unsaved:
            self._ended_or_late.clear()
            self._waits_for_disk.clear()
            batch, self._unsaved = self._unsaved, {}
            self._writing = asyncio.create_task(self._write(batch, deadline), name="commit")
        await self._waits_for_disk.wait()

    async def end(self) -> None:
        """Return when the commit that has begun is on disk, has failed, or exceeds its deadline."""
        # Until the deadline of the caller that started it: those of the others are later.
        await self._ended_or_late.wait()

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
        process.commits += 1
        started = time.perf_counter()
        try:
            loop = asyncio.get_running_loop()
            waits_for_disk = partial(_call_soon, loop, self._waits_for_disk.set)
            written = in_daemon_thread(partial(self._store.write, batch.values(), waits_for_disk))
            await asyncio.wait({written}, timeout=deadline - loop.time())
            is_late = not written.done()
            if is_late:
                self._fail(batch, f"not on disk {self._timeout:g} s after it was requested")
                self._waits_for_disk.set()
                self._ended_or_late.set()
                await asyncio.wait({written})
            error = written.exception()
            if error is None:
                self._succeed(batch, written.result())
            elif not is_late:
                self._fail(batch, cause_of(error))
        finally:
            process.commit_seconds += time.perf_counter() - started
            self._writing = None
            self._waits_for_disk.set()
            self._ended_or_late.set()

    def _fail(self, batch: dict[Charger, Row], reason: str) -> None:
        # Write these rows with the next commit, unless their chargers have newer ones.
        self._unsaved = batch | self._unsaved
        self._process.commit_failures += 1
        now = asyncio.get_running_loop().time()
        if self._failure_logged_at is None or now - self._failure_logged_at >= LOG_AGAIN_SECONDS:
            self._failure_logged_at = now
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


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has been closed
        loop.call_soon_threadsafe(call)
