"""The page that a scrape shows: rendered in slices, so that the event loop is never held for long."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from exporter.charger.account import Account
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.render import Exposition

# Chargers whose lines are rendered before the streams have their turn again: 8 ms, at the first scrape 40.
RENDERED_AT_ONCE: Final = 1000


class Page:
    """The page over the chargers of the configuration; `unrendered` are those that have changed since the last one."""

    def __init__(self, process: ExporterProcess, clock: Callable[[], Moment], unrendered: set[Charger]) -> None:
        self._process = process
        self._clock = clock
        self._unrendered = unrendered
        self._exposition = Exposition((), unrendered)
        self._accounts: Sequence[Account] = ()

    def show(self, chargers: Sequence[Charger], accounts: Sequence[Account]) -> None:
        """From now on shows these; nothing that was rendered is kept."""
        self._exposition = Exposition(chargers, self._unrendered)
        self._accounts = accounts

    async def pieces(self, *, openmetrics: bool) -> list[bytes]:
        """The page as of now, without what prometheus-client knows of the process."""
        is_rendered = False
        while True:
            # A reload in between brings another exposition, and other accounts.
            exposition, accounts = self._exposition, self._accounts
            now = self._clock()
            was_rendered, is_rendered = is_rendered, not exposition.refresh(now, RENDERED_AT_ONCE)
            # Joining the lines has a turn of its own, with the little that has changed since the last slice.
            if was_rendered and is_rendered:
                return list(exposition.pieces(accounts, self._process, now, openmetrics=openmetrics))
            await asyncio.sleep(0)
