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

# Chargers that are rendered before other tasks run: 8 ms, or 40 ms at the first scrape.
RENDERED_AT_ONCE: Final = 1000


async def _without_a_commit() -> None:
    """Do not wait."""


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
        self, *, openmetrics: bool, until_totals_are_on_disk: Callable[[], Awaitable[None]] = _without_a_commit
    ) -> list[Piece]:
        """Return the page as of now, without the metrics of prometheus-client.

        All but the totals is rendered before it waits for them.
        """
        while True:
            exposition, accounts = self._exposition, self._accounts
            await self._refresh(exposition)
            exposition.join(openmetrics=openmetrics)
            await until_totals_are_on_disk()
            # A reload may have replaced them.
            if exposition is self._exposition:
                now = self._clock()
                exposition.refresh_totals(now)
                return list(exposition.pieces(accounts, self._process, now, openmetrics=openmetrics))

    async def _refresh(self, exposition: Exposition) -> None:
        joins = False
        while True:
            has_more = exposition.refresh(self._clock(), RENDERED_AT_ONCE)
            if joins and not has_more:
                return
            # Joining the lines takes long too, so it has its own slice, the first in which little has changed.
            joins = not has_more
            await asyncio.sleep(0)
