"""Streams, each stopped at the end of its test."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from exporter.stream.socketio_client import prepare_library
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


@pytest.fixture
def silent_address() -> Iterator[str]:
    """An address that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def full_address() -> Iterator[str]:
    """An address whose queue of connections is full: the kernel answers no other."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, socket.socket() as queued:
        queued.connect(listening.getsockname())
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def closed_address() -> Iterator[str]:
    """An address at which no server listens, reserved during the test."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"
