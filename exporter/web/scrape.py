"""A scrape: commit; render and compress while the commit waits for the disk."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

import prometheus_client
from prometheus_client.openmetrics import exposition as openmetrics_exposition

from exporter.fleet import Fleet
from exporter.metrics.piece import Piece
from exporter.state.committer import Commits
from exporter.web.compression import GZIP, IDENTITY, compressed, deflate

K = TypeVar("K")
T = TypeVar("T")


class Scrape:
    """Makes the page that Prometheus reads."""

    def __init__(self, fleet: Fleet, commits: Commits) -> None:
        self._fleet = fleet
        self._commits = commits
        # What is being made, by format (whether it is OpenMetrics) and encoding: concurrent scrapes share it.
        self._rendering: dict[bool, asyncio.Task[list[Piece]]] = {}
        self._making: dict[tuple[bool, str], asyncio.Task[list[bytes]]] = {}
        self._process_registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._process_registry)
        prometheus_client.PlatformCollector(registry=self._process_registry)
        prometheus_client.GCCollector(registry=self._process_registry)

    async def page(self, *, openmetrics: bool, encoding: str = IDENTITY) -> list[bytes]:
        """Return the page in OpenMetrics 1.0.0 or the text format 0.0.4, in a content encoding and in pieces."""
        started = time.perf_counter()
        page = await _shared(self._making, (openmetrics, encoding), lambda: self._make(openmetrics, encoding))
        self._fleet.process.scrapes += 1
        self._fleet.process.scrape_seconds += time.perf_counter() - started
        return page

    async def _make(self, openmetrics: bool, encoding: str) -> list[bytes]:
        pieces = await _shared(self._rendering, openmetrics, lambda: self._render(openmetrics))
        # A scrape that begins now must not join: its totals could be lower than those of a page answered before it.
        del self._making[openmetrics, encoding]
        if encoding == IDENTITY:
            return [piece.text for piece in pieces]
        return await asyncio.to_thread(compressed, pieces, encoding)

    async def _render(self, openmetrics: bool) -> list[Piece]:
        commit = await self._commits.begin()

        async def wait_for_commit(ready: Sequence[Piece]) -> None:
            if (openmetrics, GZIP) in self._making:
                await asyncio.to_thread(deflate, ready)
            await commit.ended_or_late.wait()

        pieces = await self._fleet.page.pieces(openmetrics=openmetrics, wait_for_commit=wait_for_commit)
        return [*pieces, Piece(self._own_process(openmetrics=openmetrics))]

    def _own_process(self, *, openmetrics: bool) -> bytes:
        if openmetrics:
            # Ends with the end mark of OpenMetrics.
            return bytes(openmetrics_exposition.generate_latest(self._process_registry))  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(self._process_registry)


async def _shared(made: dict[K, asyncio.Task[T]], key: K, make: Callable[[], Coroutine[None, None, T]]) -> T:
    """Return what is being made under this key, or make it."""
    making = made.get(key)
    if making is None:
        making = made[key] = asyncio.create_task(make())
        making.add_done_callback(lambda done: made.get(key) is done and made.pop(key))
    # A client that disconnects does not cancel the page of the others.
    return await asyncio.shield(making)
