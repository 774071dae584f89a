"""Streams through real proxies: Tinyproxy on the way out, nginx with sticky cookies in front of the service."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from exporter.charger.events import Disconnection, Reading
from exporter.errors import ConnectFailure
from tests import debian
from tests.certificates import Authority
from tests.chaos.proxy import Proxy
from tests.conftest import or_skip
from tests.node.service import NodeService
from tests.stream.real_proxies import sticky_nginx, tinyproxy
from tests.stream.watch import CHARGER, NATIVE, Watch, through_proxy, until

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]

BOTH = pytest.mark.parametrize("transport", ["websocket", "polling"])


@asynccontextmanager
async def encrypted(node: NodeService, folder: Path) -> AsyncIterator[tuple[str, aiohttp.BaseConnector]]:
    """The server behind TLS: its URL, and a connector that trusts it."""
    authority = Authority(folder / "certificates")
    wire = Proxy(node.port)
    wire.tls = authority.serving("127.0.0.1")
    async with wire, aiohttp.TCPConnector(ssl=authority.trusting()) as connector:
        yield wire.url, connector


@BOTH
@pytest.mark.parametrize("password", [None, "s3cret"])
async def test_an_encrypted_stream_goes_through_a_proxy_with_connect(
    node_service: StartNode, watch: StartWatch, tmp_path: Path, transport: str, password: str | None
) -> None:
    node = node_service(NATIVE)
    binary = or_skip(debian.tinyproxy)
    login = f"user:{password}@" if password else ""
    async with encrypted(node, tmp_path) as (url, connector):
        with tinyproxy(binary, tmp_path, password) as proxy:
            stream = watch(url, service=through_proxy(url, transport, connector, f"http://{login}{proxy}"))
            await stream.until_connected()
            node.emit(CHARGER, "newLog", {"energy": 1})
            await until(lambda: stream.received(Reading), "the log")
            await stream.stop()
    assert [one.transport for one in node.connections(CHARGER)] == [transport]
    assert stream.disconnections == [Disconnection.RELOAD]


@BOTH
@pytest.mark.parametrize("login", ["", "user:wrong@"])
async def test_a_proxy_that_refuses_the_password_is_reported_with_a_remedy(
    node_service: StartNode, watch: StartWatch, tmp_path: Path, transport: str, login: str
) -> None:
    node = node_service(NATIVE)
    binary = or_skip(debian.tinyproxy)
    async with encrypted(node, tmp_path) as (url, connector):
        with tinyproxy(binary, tmp_path, "s3cret") as proxy:
            stream = watch(url, service=through_proxy(url, transport, connector, f"http://{login}{proxy}"))
            await stream.until_failed()
            await stream.stop()
    assert stream.failures[0] is ConnectFailure.UNREACHABLE
    assert re.search(r"the proxy answers 40[17] to CONNECT: check user and password", stream.log.getvalue())
    assert "HTTPS_PROXY" in stream.log.getvalue()
    assert "wrong" not in stream.log.getvalue()
    assert not node.handshakes(CHARGER)


@BOTH
async def test_behind_a_load_balancer_each_stream_stays_at_its_server_by_its_cookie(
    node_service: StartNode, watch: StartWatch, tmp_path: Path, transport: str
) -> None:
    nodes = [node_service(NATIVE), node_service(NATIVE)]
    binary = or_skip(debian.nginx)
    chargers = [f"charger-{number}" for number in range(8)]
    with sticky_nginx(binary, tmp_path, [node.url for node in nodes]) as url:
        # One connector for all, as for the streams of an account: cookies must not mix.
        streams = [watch(url, charger=charger, transports=[transport]) for charger in chargers]
        for stream in streams:
            await stream.until_connected()
        homes = {charger: [node for node in nodes if node.connections(charger)] for charger in chargers}
        assert all(len(homes[charger]) == 1 for charger in chargers)
        for charger in chargers:
            for energy in range(5):
                homes[charger][0].emit(charger, "newLog", {"energy": energy})
        for stream in streams:
            await until(lambda: len(stream.received(Reading)) == 5, "all logs")  # noqa: B023 - called at once
            assert stream.disconnections == []
            await stream.stop()
