"""A live websocket keeps nothing of its handshake: in a fleet of thousands each KB counts, and the token is secret."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import aiohttp
import pytest

from exporter.stream import supervisor
from exporter.stream.connection import Connection
from exporter.stream.services import Service
from tests.stream.script import JOINED, opening, scripted
from tests.stream.watch import TOKEN, Watch, until

HEADER = "only-in-the-header-of-the-handshake"
DOCUMENT = "only-in-the-document"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections that streams make during the test."""
    made: list[Connection] = []

    def make(*arguments: Any) -> Connection:
        made.append(Connection(*arguments))
        return made[-1]

    monkeypatch.setattr(supervisor, "Connection", make)
    return made


async def test_a_live_websocket_keeps_neither_the_token_nor_headers_nor_the_last_message(
    watch: Callable[..., Watch], connections: list[Connection]
) -> None:
    frames = [opening(), JOINED, f'42["unknown","{DOCUMENT}"]']
    async with scripted(frames, headers={"X-Route": HEADER}) as url:
        stream = watch(url)
        await until(lambda: stream.connections, "connected")
        (connection,) = connections
        await until(lambda: len(stream.delivered) > 2, "the message")

        def held() -> list[str]:
            secrets = (TOKEN, HEADER, DOCUMENT)
            return [text for text in texts_held_by(connection) if any(secret in text for secret in secrets)]

        await until(lambda: not held(), lambda: f"nothing is held: {held()}")
        assert stream.disconnections == []


async def test_the_search_finds_what_a_connection_holds(
    watch: Callable[..., Watch], connections: list[Connection]
) -> None:
    async with scripted([opening(), JOINED]) as url:
        stream = watch(url, charger="a-charger")
        await until(lambda: stream.connections, "connected")
        (connection,) = connections
        assert "a-charger" in texts_held_by(connection)


def texts_held_by(start: object) -> Iterator[str]:
    """All texts that can be reached from an object, but not by way of what all streams share."""
    shared = (type, ModuleType, FunctionType, aiohttp.ClientSession, Service, type(asyncio.get_running_loop()))
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, shared):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            yield one
        elif isinstance(one, bytes):
            yield one.decode(errors="replace")
        waiting += gc.get_referents(one)
