"""A scrape: commit, then render, then compress."""

import asyncio
import time

import prometheus_client
from prometheus_client.openmetrics import exposition as openmetrics_exposition

from exporter.fleet import Fleet
from exporter.state.committer import Commits
from exporter.web.compression import IDENTITY, compressed


class Scrape:
    """Makes the page that Prometheus reads.

    The rendering does not overlap the commit: both hold the interpreter's lock, so that together they take longer.
    """

    def __init__(self, fleet: Fleet, commits: Commits) -> None:
        self._fleet = fleet
        self._commits = commits
        # The pages that are being made, by format and encoding: concurrent scrapes share one.
        self._making: dict[tuple[bool, str], asyncio.Task[list[bytes]]] = {}
        self._process_registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._process_registry)
        prometheus_client.PlatformCollector(registry=self._process_registry)
        prometheus_client.GCCollector(registry=self._process_registry)

    async def page(self, *, openmetrics: bool, encoding: str = IDENTITY) -> list[bytes]:
        """Return the page in OpenMetrics 1.0.0 or the text format 0.0.4, in a content encoding and in pieces."""
        started = time.perf_counter()
        page = await self._shared(openmetrics=openmetrics, encoding=encoding)
        self._fleet.process.scrapes += 1
        self._fleet.process.scrape_seconds += time.perf_counter() - started
        return page

    async def _shared(self, *, openmetrics: bool, encoding: str) -> list[bytes]:
        key = openmetrics, encoding
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(openmetrics=openmetrics, encoding=encoding))
            making.add_done_callback(lambda _: self._making.pop(key))
        # A client that disconnects does not cancel the page of the others.
        return await asyncio.shield(making)

    async def _make(self, *, openmetrics: bool, encoding: str) -> list[bytes]:
        if encoding != IDENTITY:
            plain = await self._shared(openmetrics=openmetrics, encoding=IDENTITY)
            return await asyncio.to_thread(compressed, plain, encoding)
        await self._commits.commit()
        pieces = await self._fleet.page.pieces(openmetrics=openmetrics)
        return [*pieces, self._own_process(openmetrics=openmetrics)]

    def _own_process(self, *, openmetrics: bool) -> bytes:
        if openmetrics:
            # Ends with the end mark of OpenMetrics.
            return bytes(openmetrics_exposition.generate_latest(self._process_registry))  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(self._process_registry)
