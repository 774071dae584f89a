"""Commits: what the chargers have become goes to the disk first, and only then may it be shown.

A commit runs in a thread, one at a time, and all who ask for one meanwhile share the next. One that fails or takes
too long leaves its chargers dirty, and what is shown as it was; the next one tries again.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from exporter.charger.charger import KeptState
from exporter.config.threads import in_thread
from exporter.errors import cause_of
from exporter.fleet import Fleet
from exporter.logs import Log

# A scrape waits for its commit so long.
PATIENCE_SECONDS: Final = 5.0
# With the patience added, no total is older than 15 s on the disk while nobody scrapes.
INTERVAL_SECONDS: Final = 10.0
# A disk that stays full fills no log.
TELL_AGAIN_SECONDS: Final = 60.0


class Store(Protocol):
    """What is needed of a StateStore. Its calls block."""

    def commit(self, states: Mapping[str, KeptState]) -> None:
        """Writes all of these or none."""

    def close(self) -> None:
        """Lets go of the file."""


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
        # Set while there is no commit to wait for: none runs, or the one that runs has used up all patience.
        self._settled = asyncio.Event()
        self._settled.set()
        self._failure_told: float | None = None
        self._told_to_fail = False

    async def run(self) -> None:
        """Commits at regular intervals, until cancelled: totals are kept although nobody scrapes."""
        while True:
            await asyncio.sleep(self._interval)
            await self.commit()

    async def commit(self) -> None:
        """Brings all that is dirty now to the disk, or gives up when patience ends. Never raises."""
        deadline = asyncio.get_running_loop().time() + self._patience
        # The commit that is under way may have begun before what is dirty now.
        await self._settled.wait()
        if self._writing is None and self._fleet.dirty:
            self._settled.clear()
            self._writing = asyncio.create_task(self._write(deadline), name="commit")
        # Whoever asked first has begun it, so it settles by the deadline of each who waits.
        await self._settled.wait()

    async def close(self, patience_seconds: float) -> None:
        """Makes the last commit and lets go of the store, or gives up when patience ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self.commit()
                if self._writing is None:
                    await in_thread(self._store.close, "state")
        if self._writing is not None or self._fleet.dirty:
            self._log.error("ending without a last commit: totals since the one before are not kept")

    async def _write(self, deadline: float) -> None:
        process = self._fleet.process
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        try:
            # As they lie in memory, and so in the file: of ten thousand, this takes half as long as any other order.
            batch = {charger: charger.kept_state() for charger in sorted(self._fleet.dirty, key=id)}
            self._fleet.dirty.clear()
            process.commits += 1
            states = {charger.charger_id: state for charger, state in batch.items()}
            written = in_thread(partial(self._store.commit, states), "state")
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
                self._succeed()
            elif not is_late:
                self._fail(cause_of(error))
                self._fleet.dirty.update(batch)
        finally:
            process.commit_seconds += time.perf_counter() - started
            self._writing = None
            self._settled.set()

    def _fail(self, why: str) -> None:
        self._fleet.process.commit_failures += 1
        now = asyncio.get_running_loop().time()
        if self._failure_told is None or now - self._failure_told >= TELL_AGAIN_SECONDS:
            self._failure_told = now
            self._told_to_fail = True
            self._log.error("commit failed; scrapes show the totals of the last that did not", error=why)

    def _succeed(self) -> None:
        if self._told_to_fail:
            self._told_to_fail = False
            self._log.info("commits work again")
