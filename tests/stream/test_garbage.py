"""A connection that has ended is freed at once: nothing of it waits for a garbage collection, which holds the loop."""

import gc
from collections.abc import Callable, Iterator

import aiohttp
import pytest

from exporter.client import Client, Transport
from exporter.connection import Connection, Target
from tests.node.service import NodeService
from tests.processes import SECONDS
from tests.stream.watch import CHARGER, NATIVE, TOKEN, Watch, until

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]

BOTH = pytest.mark.parametrize("transport", ["websocket", "polling"])
PARTS = (Connection, Client, Transport, aiohttp.ClientSession, aiohttp.ClientWebSocketResponse)


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def parts() -> dict[str, int]:
    """What there is of connections, dead or alive: no kind more than once where one connection lives."""
    kinds = [type(one) for one in gc.get_objects() if isinstance(one, PARTS)]
    return {kind.__name__: kinds.count(kind) for kind in set(kinds)}


async def until_one_is_left() -> None:
    await until(lambda: set(parts().values()) <= {1}, lambda: f"one connection is left: {parts()}")


@BOTH
@pytest.mark.parametrize("end", ["cut", "off", "goodbye"])
async def test_whoever_ended_it(node_service: StartNode, watch: StartWatch, transport: str, end: str) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url, transports=[transport])
    endings = {
        "cut": lambda: node.cut(CHARGER),
        "off": lambda: node.off(CHARGER),
        "goodbye": lambda: node.disconnect(CHARGER, close=True),
    }
    for times in (1, 2, 3):
        await stream.until_connected(times)
        await until_one_is_left()
        endings[end]()
    await stream.until_connected(times=4)
    await until_one_is_left()


@BOTH
async def test_when_the_exporter_itself_ends_it(node_service: StartNode, transport: str) -> None:
    node = node_service(NATIVE)
    async with aiohttp.TCPConnector(limit=0, force_close=True) as connector:
        connection = Connection(Target(node.url, CHARGER, SECONDS), connector, lambda _event: None)
        await connection.open(TOKEN, transport, SECONDS)
        assert parts()["Connection"] == 1
        await connection.close()
        del connection
        await until(lambda: not parts(), lambda: f"nothing is left: {parts()}")


@BOTH
async def test_one_that_was_never_there(watch: StartWatch, closed_address: str, transport: str) -> None:
    await watch(f"http://{closed_address}", transports=[transport]).until_failed(times=3)
    await until_one_is_left()


@BOTH
async def test_one_that_was_never_answered(watch: StartWatch, silent_address: str, transport: str) -> None:
    await watch(f"http://{silent_address}", transports=[transport], connect_timeout=0.1).until_failed(times=3)
    await until_one_is_left()


@BOTH
async def test_one_that_was_refused(node_service: StartNode, watch: StartWatch, transport: str) -> None:
    node = node_service(NATIVE)
    node.rules(refuse="Authentication error")
    await watch(node.url, transports=[transport]).until_failed(times=3)
    await until_one_is_left()
