"""A proxy of the environment: streams of both transports use it, and reveal no more to it than needed."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import pytest

from exporter.errors import ConnectFailure
from exporter.stream.proxy import proxy_for
from tests.certificates import Authority
from tests.chaos.proxy import Proxy
from tests.node.service import NodeService
from tests.stream.watch import CHARGER, NATIVE, TOKEN, Watch, through_proxy

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]

# Only the proxy can resolve this name.
NAME = "service.test"
REQUEST = re.compile(rb"(\w+) (?:\w+://)?([\w.]+):(\d+)(\S*) ")


class ForwardProxy:
    """An HTTP proxy that resolves every name to this machine; `asked` has the head of every request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[object]] = set()

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> "ForwardProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        with closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.decode())
            asked = REQUEST.match(head)
            assert asked, head
            method, name, port, path = asked.groups()
            assert name.decode() == NAME
            there, to_there = await asyncio.open_connection("127.0.0.1", int(port))
            with closing(to_there):
                if method == b"CONNECT":
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    # One connection per request: this proxy reads only the first head.
                    to_there.write(head.replace(asked[0], b"%s %s " % (method, path), 1))
                await asyncio.gather(_pump(reader, to_there), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(OSError):  # the other side may have disconnected
        while piece := await reader.read(65_536):
            writer.write(piece)


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    async with ForwardProxy() as proxy:
        yield proxy


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without proxy variables."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_stream_uses_the_proxy(
    node_service: StartNode, watch: StartWatch, proxy: ForwardProxy, transport: str
) -> None:
    node = node_service(NATIVE)
    url = node.url.replace("127.0.0.1", NAME)
    # One connection per request, so that the proxy sees every request.
    async with aiohttp.TCPConnector(force_close=True) as connector:
        stream = watch(url, service=through_proxy(url, transport, connector, f"http://user:pass@{proxy.address}"))
        await stream.until_connected()
        await stream.stop()
    assert [one.transport for one in node.connections(CHARGER)] == [transport]
    assert all("proxy-authorization: basic dXNlcjpwYXNz".lower() in head.lower() for head in proxy.asked)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_proxy_sees_the_host_of_an_encrypted_stream_but_not_the_token(
    node_service: StartNode, watch: StartWatch, proxy: ForwardProxy, tmp_path: Path, transport: str
) -> None:
    authority = Authority(tmp_path / "certificates")
    wire = Proxy(int(node_service(NATIVE).url.rpartition(":")[2]))
    wire.tls = authority.serving(NAME)
    async with wire, aiohttp.TCPConnector(ssl=authority.trusting()) as connector:
        url = wire.url.replace("127.0.0.1", NAME)
        stream = watch(url, service=through_proxy(url, transport, connector, f"http://{proxy.address}"))
        await stream.until_connected()
        await stream.stop()
    assert proxy.asked
    for head in proxy.asked:
        assert head.startswith(f"CONNECT {NAME}:{wire.port} ")
        assert TOKEN not in head


async def test_a_missing_proxy_makes_the_service_unreachable(watch: StartWatch) -> None:
    url = f"http://{NAME}:80"
    async with aiohttp.TCPConnector() as connector:
        stream = watch(url, service=through_proxy(url, "websocket", connector, "http://user:secret@127.0.0.1:1"))
        await stream.until_failed()
        await stream.stop()
    assert stream.failures[0] is ConnectFailure.UNREACHABLE
    assert "secret" not in stream.log.getvalue()


def test_the_proxy_is_chosen_by_the_scheme_of_the_url(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", "http://plain:3128")
    environment.setenv("https_proxy", "encrypted:3128")
    assert proxy_for(f"http://{NAME}") == "http://plain:3128"
    assert proxy_for(f"https://{NAME}:8443/path") == "http://encrypted:3128"


def test_without_a_proxy_in_the_environment_none_is_used(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", "http://plain:3128")
    assert proxy_for(f"https://{NAME}") is None


@pytest.mark.parametrize("excepted", [NAME, "other.example, test", ".test", f"{NAME}:8080", "*"])
def test_hosts_of_no_proxy_are_reached_directly(environment: pytest.MonkeyPatch, excepted: str) -> None:
    environment.setenv("HTTP_PROXY", "http://plain:3128")
    environment.setenv("NO_PROXY", excepted)
    assert proxy_for(f"http://{NAME}:8080") is None
    assert proxy_for("http://another.example:8080") == (None if excepted == "*" else "http://plain:3128")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1.2.3"])
def test_this_machine_is_reached_without_a_proxy(environment: pytest.MonkeyPatch, host: str) -> None:
    environment.setenv("HTTP_PROXY", "http://plain:3128")
    assert proxy_for(f"http://{host}:10038") is None
