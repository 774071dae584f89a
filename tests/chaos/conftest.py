"""A charger behind a proxy for each test, and one Socket.IO server in Node.js for all tests."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exporter.stream.socketio_client import prepare_library
from tests.certificates import Authority
from tests.chaos.faults import PING_INTERVAL, PING_TIMEOUT, Within, fault_of
from tests.chaos.scene import Scene, staged
from tests.conftest import or_skip
from tests.node.service import NodeService, modules
from tests.processes import open_files
from tests.stream.watch import NATIVE, until


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., NodeService]]:
    """`start_service(...)` starts a Socket.IO server in Node.js, or returns the one with the same options."""
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
    """The service. Its pings are frequent only if the test is about silence: a busy machine must not look silent."""
    if fault_of(request.function).within is not Within.SILENCE:
        return start_service()
    milliseconds = (round(seconds * 1000) for seconds in (PING_INTERVAL, PING_TIMEOUT))
    return start_service(**dict(zip(("ping_interval", "ping_timeout"), milliseconds, strict=True)))


@pytest.fixture
async def scene(request: pytest.FixtureRequest, service: NodeService, tmp_path: Path) -> AsyncIterator[Scene]:
    """One charger behind the proxy. Afterwards neither a task nor an open file of it may be left."""
    files = open_files()
    async with staged(service, fault_of(request.function), request.node.name, tmp_path / "scene") as scene:
        yield scene
    service.rules(refuse=None, token=None, handshake_status=None, post_status=None, websocket_status=None, hang=None)
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()}, "every task ended")
    await until(lambda: open_files() <= files, "every file closed")


@pytest.fixture(autouse=True)
def no_records() -> Iterator[None]:
    """pytest keeps the log records of the test servers with their tracebacks, so that memory would grow."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority that the exporter trusts."""
    return Authority(tmp_path)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names ending in .example that resolve, to this machine."""
    known: set[str] = set()
    resolve = socket.getaddrinfo

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        if host.endswith(".example") and host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve("127.0.0.1" if host in known else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known
