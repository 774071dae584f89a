"""Commits changes to the state file before a scrape shows their totals.

Commits run in a thread, one at a time; callers that request one during a commit share the next. If a commit fails or
exceeds its deadline, its chargers stay unsaved and the shown totals stay the same; the next commit retries.
"""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Final

from exporter.charger.charger import Charger
from exporter.charger.meter_state import Totals
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.sessions import Session
from exporter.daemon_thread import call_soon, in_daemon_thread
from exporter.errors import cause_of
from exporter.logs import Log
from exporter.state.charger_states import Pending
from exporter.state.store import StateStore

# How long a scrape waits for its commit.
TIMEOUT_SECONDS: Final = 5.0
# Without scrapes, from the end of a commit to the next one: a total on disk is hardly older.
INTERVAL_SECONDS: Final = 10.0
# Log a persistent failure once per minute. While the disk hangs, count one as often.
LOG_AGAIN_SECONDS: Final = 60.0


# The totals that may be shown once the state of the charger is on disk, and its newly settled sessions.
_Unsaved = tuple[Totals, tuple[Session, ...]]


class Commit:
    """A commit, for those who wait for it. A commit that exceeds its deadline is late, and continues."""

    def __init__(self) -> None:
        self.executed_or_late = asyncio.Event()
        self.ended_or_late = asyncio.Event()

    def release(self) -> None:
        """End all waits for it."""
        self.executed_or_late.set()
        self.ended_or_late.set()


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
        self._unsaved: dict[Charger, _Unsaved] = {}
        self._writing: asyncio.Task[None] | None = None
        # The last commit; at first one that has ended.
        self._last = Commit()
        self._last.release()
        self._failure_logged_at: float | None = None
        self._is_failing = False

    @property
    def unsaved(self) -> Collection[Charger]:
        """The chargers that have changed since their last commit began."""
        return self._unsaved.keys()

    def add(self, charger: Charger) -> None:
        """Write the present state of this charger with the next commit."""
        state = charger.kept_state()
        self._store.states.put(charger.charger_id, state)
        self._unsaved[charger] = state.meter.totals, state.sessions

    async def run(self) -> None:
        """Commit at regular intervals until cancelled, also without scrapes."""
        while True:
            await asyncio.sleep(self._interval)
            await self.commit()

    async def commit(self) -> None:
        """Write all unsaved chargers to disk, or give up at the deadline. Never raises."""
        commit = await self.begin()
        await commit.ended_or_late.wait()

    async def begin(self) -> Commit:
        """Start a commit if something is unsaved; return it when its statements are executed, it failed, or it is late.

        From then on it only waits for the disk. Work on the event loop during the statements slows the commit: after
        each of them, its thread waits up to 5 ms for the interpreter's lock.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        # A running commit may have started before the latest changes.
        await self._last.ended_or_late.wait()
        if self._writing is None and self._unsaved:
            self._last = Commit()
            batch, self._unsaved = self._unsaved, {}
            written = self._write(self._last, batch, self._store.states.take(), deadline)
            self._writing = asyncio.create_task(written, name="commit")
        # All wait until the deadline of the caller that started it. Those of the others are later.
        commit = self._last
        await commit.executed_or_late.wait()
        return commit

    async def close(self, timeout_seconds: float) -> None:
        """Make the final commit and close the store, or give up at the deadline."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self.commit()
                if self._writing is None:
                    await in_daemon_thread(self._store.close)
        if self._writing is not None or self.unsaved:
            self._log.error("final commit failed; totals since the previous commit are lost")

    async def _write(self, commit: Commit, batch: dict[Charger, _Unsaved], pending: Pending, deadline: float) -> None:
        process = self._process
        process.commits += 1
        started = time.perf_counter()
        try:
            loop = asyncio.get_running_loop()
            on_executed = partial(call_soon, loop, commit.executed_or_late.set)
            written = in_daemon_thread(partial(self._store.write, pending, on_executed))
            await asyncio.wait({written}, timeout=deadline - loop.time())
            is_late = not written.done()
            if is_late:
                self._fail(batch, f"not on disk {self._timeout:g} s after it was requested")
                commit.release()
                await asyncio.wait({written}, timeout=LOG_AGAIN_SECONDS)
                while not written.done():
                    # A disk that hangs fails once per minute: an alert is for failures that continue.
                    self._fail({}, "still not on disk")
                    await asyncio.wait({written}, timeout=LOG_AGAIN_SECONDS)
            error = written.exception()
            if error is None:
                self._succeed(batch, written.result())
            else:
                self._store.states.put_back(pending)
                if not is_late:
                    self._fail(batch, cause_of(error))
        finally:
            process.commit_seconds += time.perf_counter() - started
            self._writing = None
            commit.release()

    def _fail(self, batch: dict[Charger, _Unsaved], reason: str) -> None:
        # Chargers that have changed since then have newer totals. What a late commit was to write comes back only if it
        # fails in the end: no other begins before.
        self._unsaved = batch | self._unsaved
        self._process.commit_failures += 1
        now = asyncio.get_running_loop().time()
        if self._failure_logged_at is None or now - self._failure_logged_at >= LOG_AGAIN_SECONDS:
            self._failure_logged_at = now
            self._is_failing = True
            self._log.error("state commit failed; serving the last committed totals", error=reason)

    def _succeed(self, batch: dict[Charger, _Unsaved], repaired: str) -> None:
        for charger, (totals, sessions) in batch.items():
            charger.saved(totals, sessions)
            if sessions and charger in self._unsaved:
                self.add(charger)  # its newer state still has the sessions that are on disk now
        if repaired:
            self._process.damaged_state_files = self._store.damaged_files
            self._log.error(repaired)
        if self._is_failing:
            self._is_failing = False
            self._log.info("state commits work again")
