"""A charger behind a proxy for each test, and one real Socket.IO server for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from exporter.client import prepare_library
from tests.chaos.faults import PING_INTERVAL, PING_TIMEOUT, Within, fault_of
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene, open_files
from tests.conftest import or_skip
from tests.node.service import NodeService, modules
from tests.stream.watch import NATIVE, until


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., NodeService]]:
    """`start_service(...)` starts a real Socket.IO server of Node's, or finds the one that was started so."""
    or_skip(modules)
    prepare_library()
    with ExitStack() as running:

        @cache
        def start(**pings: int) -> NodeService:
            log = tmp_path_factory.mktemp("chaos") / "node.log"
            return running.enter_context(NodeService(log, NATIVE, **pings))

        yield start


@pytest.fixture
def service(request: pytest.FixtureRequest, start_service: Callable[..., NodeService]) -> NodeService:
    """The service. Where silence is to be noticed its pings are quick; else no busy machine must look silent."""
    if fault_of(request.function).within is not Within.SILENCE:
        return start_service()
    milliseconds = (round(seconds * 1000) for seconds in (PING_INTERVAL, PING_TIMEOUT))
    return start_service(**dict(zip(("ping_interval", "ping_timeout"), milliseconds, strict=True)))


@pytest.fixture
async def proxy(service: NodeService) -> AsyncIterator[Proxy]:
    """The wire between exporter and service."""
    async with Proxy(service.port) as proxy:
        yield proxy


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, service: NodeService, proxy: Proxy, tmp_path: Path
) -> AsyncIterator[Scene]:
    """One charger behind the proxy; afterwards nothing of it is left: no task, no open file."""
    files = open_files()
    scene = Scene(service, proxy, fault_of(request.function), request.node.name, tmp_path)
    yield scene
    await scene.fleet.stop()
    service.rules(refuse=None, token=None, handshake_status=None, post_status=None, websocket_status=None, hang=None)
    await until(lambda: proxy.open_connections == 0, "every connection closed")
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()}, "every task ended")
    await until(lambda: open_files() <= files, "every file closed")
