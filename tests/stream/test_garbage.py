"""A connection that has ended is freed at once, without a garbage collection, which would block the loop."""

import gc
from collections.abc import Callable, Iterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from exporter.stream.connection import Connection, Target
from exporter.stream.http_sessions import HttpSessions
from exporter.stream.socketio_client import Client, Transport
from tests.node.service import NodeService
from tests.processes import SECONDS
from tests.stream.script import scripted
from tests.stream.watch import CHARGER, NATIVE, TOKEN, Resting, Watch, until

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]

BOTH = pytest.mark.parametrize("transport", ["websocket", "polling"])
PARTS = (Connection, Client, Transport, aiohttp.ClientSession, aiohttp.ClientWebSocketResponse)


# Objects of other tests, kept alive so that their ids are not reused.
_others: list[object] = []


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    gc.collect()
    _others.extend(one for one in gc.get_objects() if isinstance(one, PARTS))
    gc.disable()
    yield
    gc.enable()
    _others.clear()


def parts() -> dict[str, int]:
    """The connection objects of this test, dead or alive: at most one of each kind per live connection."""
    others = {id(one) for one in _others}
    found = [one for one in gc.get_objects() if isinstance(one, PARTS) and id(one) not in others]
    kinds = [type(one) for one in found if not _is_shared(one)]
    return {kind.__name__: kinds.count(kind) for kind in set(kinds)}


def _is_shared(one: object) -> bool:
    """Whether it is the shared session of the websockets, which outlives them."""
    return isinstance(one, aiohttp.ClientSession) and isinstance(one.cookie_jar, aiohttp.DummyCookieJar)


async def until_none_is_left(stream: Watch) -> None:
    """Wait until the stream waits after its first failure and holds no object of the attempt."""
    await stream.until_failed()
    await until(lambda: not parts(), lambda: f"nothing is left: {parts()}")


async def until_one_is_left() -> None:
    await until(lambda: set(parts().values()) <= {1}, lambda: f"one connection is left: {parts()}")


@BOTH
@pytest.mark.parametrize("end", ["cut", "off", "disconnect"])
async def test_a_connection_ended_by_the_other_side_leaves_no_garbage(
    node_service: StartNode, watch: StartWatch, transport: str, end: str
) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url, transports=[transport])
    endings = {
        "cut": lambda: node.cut(CHARGER),
        "off": lambda: node.off(CHARGER),
        "disconnect": lambda: node.disconnect(CHARGER, close=True),
    }
    for times in (1, 2, 3):
        await stream.until_connected(times)
        await until_one_is_left()
        endings[end]()
    await stream.until_connected(times=4)
    await until_one_is_left()


@BOTH
async def test_a_connection_ended_by_the_exporter_leaves_no_garbage(node_service: StartNode, transport: str) -> None:
    node = node_service(NATIVE)
    async with aiohttp.TCPConnector(limit=0, force_close=True) as connector:
        http = HttpSessions(connector, SECONDS)
        connection = Connection(Target(node.url, CHARGER, SECONDS), http, lambda _event: None)
        await connection.open(TOKEN, transport)
        assert parts()["Connection"] == 1
        await connection.close()
        del connection
        await until(lambda: not parts(), lambda: f"nothing is left: {parts()}")


async def test_a_lost_websocket_closes_without_waiting(node_service: StartNode) -> None:
    node = node_service(NATIVE)
    async with aiohttp.TCPConnector(limit=1, force_close=True) as connector:
        http = HttpSessions(connector, SECONDS)
        connection = Connection(Target(node.url, CHARGER, SECONDS), http, lambda _event: None)
        await connection.open(TOKEN, "websocket")
        await connection.welcomed()
        node.cut(CHARGER)
        await connection.ended()
        with pytest.raises(StopIteration):  # at its first step
            connection.close().send(None)
        # The connector allows one connection, so another opens only if the lost one was given back.
        following = Connection(Target(node.url, CHARGER, SECONDS), http, lambda _event: None)
        await following.open(TOKEN, "websocket")
        await following.close()


async def test_a_websocket_that_cannot_send_its_close_frame_keeps_no_stack_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionResetError

    async with scripted([]) as url, aiohttp.TCPConnector() as connector:
        http = HttpSessions(connector, SECONDS)
        websocket = await http.for_websockets().ws_connect(f"{url}/socket.io/")
        monkeypatch.setattr(aiohttp.http.WebSocketWriter, "close", fail)
        await websocket.close()
        error = websocket.exception()
        assert isinstance(error, ConnectionResetError)
        assert error.__traceback__ is None
        await http.close()


@BOTH
async def test_an_attempt_at_a_closed_port_leaves_no_garbage(
    watch: StartWatch, closed_address: str, transport: str
) -> None:
    await until_none_is_left(watch(f"http://{closed_address}", transports=[transport], rng=Resting()))


@BOTH
async def test_an_attempt_without_an_answer_leaves_no_garbage(
    watch: StartWatch, silent_address: str, transport: str
) -> None:
    await until_none_is_left(
        watch(f"http://{silent_address}", transports=[transport], connect_timeout=0.1, rng=Resting())
    )


@BOTH
async def test_a_refused_attempt_leaves_no_garbage(node_service: StartNode, watch: StartWatch, transport: str) -> None:
    node = node_service(NATIVE)
    node.rules(refuse="Authentication error")
    await until_none_is_left(watch(node.url, transports=[transport], rng=Resting()))


@BOTH
async def test_a_redirected_attempt_leaves_no_garbage(watch: StartWatch, transport: str) -> None:
    async def lead_elsewhere(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/elsewhere/"})

    application = web.Application()
    application.router.add_get("/socket.io/", lead_elsewhere)
    async with TestServer(application) as server:
        await until_none_is_left(watch(str(server.make_url("")), transports=[transport], rng=Resting()))
