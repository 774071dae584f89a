"""A scrape: what it shows is committed first, then rendered, then compressed if that is wanted."""

import asyncio
import time
import zlib
from collections.abc import Iterable
from typing import Final

import prometheus_client
from prometheus_client.openmetrics import exposition as openmetrics_exposition

from exporter.fleet import Fleet
from exporter.state.committer import Commits

GZIP_LEVEL: Final = 4


class Scrape:
    """Makes the page that Prometheus reads."""

    def __init__(self, fleet: Fleet, commits: Commits) -> None:
        self._fleet = fleet
        self._commits = commits
        # The pages that are being made, by format and whether compressed: scrapes that come together share one.
        self._making: dict[tuple[bool, bool], asyncio.Task[list[bytes]]] = {}
        self._process_registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._process_registry)
        prometheus_client.PlatformCollector(registry=self._process_registry)
        prometheus_client.GCCollector(registry=self._process_registry)

    async def page(self, *, openmetrics: bool, zipped: bool = False) -> list[bytes]:
        """The page in OpenMetrics 1.0.0 or in the text format 0.0.4, gzip-compressed or not, in pieces: of a large
        fleet it is large.
        """
        started = time.perf_counter()
        page = await self._shared(openmetrics=openmetrics, zipped=zipped)
        self._fleet.process.scrapes += 1
        self._fleet.process.scrape_seconds += time.perf_counter() - started
        return page

    async def _shared(self, *, openmetrics: bool, zipped: bool) -> list[bytes]:
        key = openmetrics, zipped
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(openmetrics=openmetrics, zipped=zipped))
            making.add_done_callback(lambda _: self._making.pop(key))
        # One who hangs up must not take the page from the others.
        return await asyncio.shield(making)

    async def _make(self, *, openmetrics: bool, zipped: bool) -> list[bytes]:
        if zipped:
            return await asyncio.to_thread(compressed, await self._shared(openmetrics=openmetrics, zipped=False))
        await self._commits.commit()
        pieces = await self._fleet.page.pieces(openmetrics=openmetrics)
        return [*pieces, self._own_process(openmetrics=openmetrics)]

    def _own_process(self, *, openmetrics: bool) -> bytes:
        if openmetrics:
            # Ends with the end mark of OpenMetrics.
            return bytes(openmetrics_exposition.generate_latest(self._process_registry))  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(self._process_registry)


def compressed(pieces: Iterable[bytes]) -> list[bytes]:
    """The pieces as one gzip file, in pieces again."""
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS + 16)  # 16: with the header of gzip
    return [*map(compressor.compress, pieces), compressor.flush()]
