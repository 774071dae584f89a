"""A scrape: what it shows is committed first, then rendered."""

import asyncio
import time

import prometheus_client
from prometheus_client.openmetrics import exposition as openmetrics_exposition

from exporter.commits import Commits
from exporter.fleet import Fleet


class Scrape:
    """Makes the page that Prometheus reads."""

    def __init__(self, fleet: Fleet, commits: Commits) -> None:
        self._fleet = fleet
        self._commits = commits
        # The pages that are being made, by format: scrapes that come together share one.
        self._making: dict[bool, asyncio.Task[list[bytes]]] = {}
        self._process_registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._process_registry)
        prometheus_client.PlatformCollector(registry=self._process_registry)
        prometheus_client.GCCollector(registry=self._process_registry)

    async def page(self, *, openmetrics: bool) -> list[bytes]:
        """The page in OpenMetrics 1.0.0 or in the text format 0.0.4, in pieces: of a large fleet it is large."""
        started = time.perf_counter()
        making = self._making.get(openmetrics)
        if making is None:
            making = self._making[openmetrics] = asyncio.create_task(self._make(openmetrics=openmetrics))
            making.add_done_callback(lambda _: self._making.pop(openmetrics))
        # One who hangs up must not take the page from the others.
        page = await asyncio.shield(making)
        self._fleet.process.scrapes += 1
        self._fleet.process.scrape_seconds += time.perf_counter() - started
        return page

    async def _make(self, *, openmetrics: bool) -> list[bytes]:
        await self._commits.commit()
        pieces = await self._fleet.pieces(openmetrics=openmetrics)
        return [*pieces, self._own_process(openmetrics=openmetrics)]

    def _own_process(self, *, openmetrics: bool) -> bytes:
        if openmetrics:
            # Ends with the end mark of OpenMetrics.
            return bytes(openmetrics_exposition.generate_latest(self._process_registry))  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(self._process_registry)
