"""Streams of this test, each ended with it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from exporter.client import prepare_library
from tests.stream.watch import Watch


@pytest.fixture(scope="session", autouse=True)
def _prepared_library() -> None:
    prepare_library()


@pytest.fixture
async def watch() -> AsyncIterator[Callable[..., Watch]]:
    """`watch(url, ...)` starts a stream; see `Watch`."""
    watches: list[Watch] = []
    async with aiohttp.TCPConnector(limit=0, force_close=True) as connector:

        def start(url: str, **options: Any) -> Watch:
            watches.append(Watch(url, connector, **options))
            return watches[-1]

        yield start
        for one in watches:
            await one.stop()
