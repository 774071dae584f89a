"""A connection ends even if its end is cancelled: a reload or a stop may come at any moment."""

import asyncio

import aiohttp
import pytest

from exporter.stream.connection import Connection, Target
from exporter.stream.http_sessions import HttpSessions
from tests.processes import SECONDS
from tests.stream.script import JOINED, opening, scripted
from tests.stream.watch import CHARGER, TOKEN, until


class Sessions(HttpSessions):
    """HTTP sessions that are kept, to see whether they were closed."""

    def __init__(self, connector: aiohttp.BaseConnector) -> None:
        super().__init__(connector, SECONDS)
        self.made: list[aiohttp.ClientSession] = []

    def for_polling(self) -> aiohttp.ClientSession:
        self.made.append(super().for_polling())
        return self.made[-1]


async def cancelled_close(connection: Connection, times: int) -> None:
    """Close, and cancel this while it waits for something; twice if a stop comes during a reload."""
    closing = asyncio.create_task(connection.close())
    for _ in range(times):
        await asyncio.sleep(0)
        assert not closing.done(), "it waits"
        closing.cancel()
    await asyncio.wait({closing})
    assert closing.cancelled()


async def test_the_http_session_of_a_handshake_is_closed(silent_address: str) -> None:
    async with aiohttp.TCPConnector() as connector:
        http = Sessions(connector)
        connection = Connection(Target(f"http://{silent_address}", CHARGER, SECONDS), http, lambda _: None)
        opened = asyncio.create_task(connection.open(TOKEN, "polling"))
        await until(lambda: http.made, "the handshake")
        opened.cancel()
        await asyncio.wait({opened})
        await cancelled_close(connection, times=1)
        assert [session.closed for session in http.made] == [True]


@pytest.mark.parametrize("times", [1, 2])
async def test_the_websocket_of_a_connection_is_closed(times: int) -> None:
    # The connector allows one connection, so another opens only if the first was closed.
    async with aiohttp.TCPConnector(limit=1) as connector, scripted([opening(), JOINED]) as url:
        http = HttpSessions(connector, SECONDS)
        connection = Connection(Target(url, CHARGER, SECONDS), http, lambda _: None)
        await connection.open(TOKEN, "websocket")
        await cancelled_close(connection, times)
        following = Connection(Target(url, CHARGER, 5.0), http, lambda _: None)
        await following.open(TOKEN, "websocket")
        await following.close()
        await http.close()
