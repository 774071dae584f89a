"""The page that a scrape shows, rendered in slices so that the event loop is not blocked for long."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from exporter.charger.account import Account
from exporter.charger.changes import Changes
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.piece import Piece
from exporter.metrics.render import Exposition

# How many chargers are rendered before other tasks run, which takes 8 ms. The first time, a charger takes four times
# as long.
RENDERED_AT_ONCE: Final = 1000
FIRST_RENDERED_AT_ONCE: Final = 250


class Page:
    """The page for the chargers of the configuration; `changes` are those since the last page."""

    def __init__(self, process: ExporterProcess, clock: Callable[[], Moment], changes: Changes) -> None:
        self._process = process
        self._clock = clock
        self._changes = changes
        self._exposition = Exposition((), changes)
        self._accounts: Sequence[Account] = ()

    def show(self, chargers: Sequence[Charger], accounts: Sequence[Account]) -> None:
        """Show these chargers and accounts; render all of them again."""
        self._exposition = Exposition(chargers, self._changes)
        self._accounts = accounts

    async def pieces(
        self, *, openmetrics: bool, wait_for_commit: Callable[[Sequence[Piece]], Awaitable[None]]
    ) -> list[Piece]:
        """Return the page without the metrics of prometheus-client.

        The chargers are as of the beginning, their totals as of the end of the commit. `wait_for_commit` gets the
        pieces that are ready before.
        """
        while True:
            exposition, accounts = self._exposition, self._accounts
            await self._refresh(exposition)
            await wait_for_commit(exposition.pieces_without_totals(openmetrics=openmetrics))
            # Other tasks run even if the commit has ended already.
            await asyncio.sleep(0)
            if exposition is self._exposition:
                now = self._clock()
                exposition.refresh_totals(now)
                return list(exposition.pieces(accounts, self._process, now, openmetrics=openmetrics))

    async def _refresh(self, exposition: Exposition) -> None:
        """Render what has changed. Stop if a reload replaces the exposition: changes belong to the new one then."""
        joins = False
        while exposition is self._exposition:
            at_once = FIRST_RENDERED_AT_ONCE if exposition.is_new else RENDERED_AT_ONCE
            has_more = exposition.refresh(self._clock(), at_once)
            if joins and not has_more:
                return
            # Joining the lines takes long too, so it is done in the first slice in which little has changed.
            joins = not has_more
            await asyncio.sleep(0)
