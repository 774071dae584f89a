"""Limits of clients: no client can block the others."""

import asyncio
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from exporter.web.connections import Limits
from tests.certificates import Authority
from tests.processes import open_files
from tests.stream.watch import until
from tests.web.site import Site

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SOON = 30.0  # only bounds a failure
SHORT: dict[str, Any] = {"limits": Limits(idle_seconds=0.3, answer_seconds=0.3)}
FEW: dict[str, Any] = {"limits": Limits(connections=3)}


@pytest.fixture
def options() -> dict[str, Any]:
    """The limits of the site; a parameter changes them."""
    return {}


@pytest.fixture(params=["http", "https"])
async def site(request: pytest.FixtureRequest, options: dict[str, Any], tmp_path: Path) -> AsyncIterator[Site]:
    """A running site, with and without TLS."""
    if request.param == "http":
        async with Site(**options) as running:
            yield running
    else:
        authority = Authority(tmp_path)
        authority.issue("server")
        file = tmp_path / "web.yml"
        file.write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}\n")
        async with Site(config_file=file, **options) as running:
            running.trusting = authority.trusting()
            yield running


@asynccontextmanager
async def connection(site: Site) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    tls = site.trusting if isinstance(site.trusting, ssl.SSLContext) else None
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@contextmanager
def many_open_files() -> Iterator[None]:
    """This process can open both ends of a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def ended(reader: asyncio.StreamReader) -> bytes:
    """The bytes received until the exporter closed the connection."""
    try:
        return await asyncio.wait_for(reader.read(), SOON)
    except ConnectionError:
        return b""


def connected(site: Site) -> socket.socket:
    """A client that reads only when the test reads."""
    client = socket.create_connection(("127.0.0.1", site.port), SOON)
    if isinstance(site.trusting, ssl.SSLContext):
        return site.trusting.wrap_socket(client, server_hostname="127.0.0.1")
    return client


def rest_of(deaf: socket.socket) -> int:
    """The number of bytes that can still be received."""
    taken = 0
    with suppress(ConnectionError, ssl.SSLEOFError):
        while chunk := deaf.recv(1_000_000):
            taken += len(chunk)
    return taken


async def assert_answers(site: Site) -> None:
    response, body = await asyncio.wait_for(site.get("/metrics"), SOON)
    assert (response.status, body) == (200, site.pages.text)


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_sends_nothing_is_disconnected(site: Site) -> None:
    async with connection(site) as (reader, _):
        assert await ended(reader) == b""


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_never_completes_its_request_head_is_disconnected(site: Site) -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /metrics HTTP/1.1\r\n")
        while True:
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.02)

    async with connection(site) as (reader, writer):
        dribbling = asyncio.create_task(dribble(writer))
        received = await ended(reader)
        dribbling.cancel()
        assert b"200 OK" not in received


@pytest.mark.parametrize("options", [{"limits": Limits(idle_seconds=2.0)}])
async def test_an_idle_connection_is_closed(site: Site) -> None:
    async with connection(site) as (reader, writer):
        writer.write(REQUEST)
        assert (await ended(reader)).endswith(b"in text")


async def test_a_connection_is_kept_between_scrapes_a_minute_apart() -> None:
    assert Limits().idle_seconds > 60


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_does_not_read_is_disconnected_and_its_response_freed(site: Site) -> None:
    site.pages.text = b"x" * 20_000_000
    before = len(asyncio.all_tasks())
    with await asyncio.to_thread(connected, site) as deaf:
        deaf.sendall(REQUEST)
        await until(lambda: site.pages.made == 1, "the scrape")
        await until(lambda: len(asyncio.all_tasks()) == before, "the end of what answers it")
        taken = await asyncio.to_thread(rest_of, deaf)
    assert taken < len(site.pages.text)
    site.pages.text = b"short"  # a busy machine could take longer than the limit for a large response
    await assert_answers(site)


@pytest.mark.parametrize("site", ["http"], indirect=True)
@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_does_not_read_is_disconnected_for_any_response_size(site: Site) -> None:
    # The kernel accepts as much as its buffers hold, the program up to 64 KB more.
    sizes = range(50_000, 5_000_000, 50_000)
    before = open_files()
    with many_open_files(), ExitStack() as clients:
        for number, size in enumerate(sizes, 1):
            site.pages.text = b"x" * size
            client = clients.enter_context(await asyncio.to_thread(connected, site))
            client.sendall(REQUEST)
            await until(lambda: site.pages.made == number, "the scrape")  # noqa: B023
        own_ends = before + len(sizes)
        await until(lambda: open_files() <= own_ends, lambda: f"{open_files() - own_ends} connections are open")


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_reads_too_slowly_is_disconnected(site: Site) -> None:
    site.pages.text = b"x" * 60_000_000
    async with connection(site) as (reader, writer):
        writer.write(REQUEST * 2)
        taken, answers = 0, 0
        with suppress(ConnectionError):
            # About 6 MB per second: the kernel sees progress, but it is too slow.
            while chunk := await reader.read(65_536):
                taken += len(chunk)
                answers += chunk.count(b"HTTP/1.1 200 OK")
                await asyncio.sleep(0.01)
    assert taken < len(site.pages.text)
    assert answers == 1


async def test_a_slow_client_does_not_delay_other_clients(site: Site) -> None:
    site.pages.text = b"x" * 5_000_000
    async with connection(site) as (_, writer):
        writer.write(REQUEST)
        await until(lambda: site.pages.made == 1, "the scrape")
        await assert_answers(site)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(1000)) + b"\r\n",
    ],
    ids=["line", "header", "many headers"],
)
async def test_a_too_large_request_head_is_rejected(site: Site, head: bytes) -> None:
    async with connection(site) as (reader, writer):
        writer.write(head)
        assert b" 400 Bad Request" in (await ended(reader)).partition(b"\r\n")[0]
    assert site.pages.made == 0


async def test_an_endless_request_head_is_not_read_to_its_end(site: Site) -> None:
    async with connection(site) as (reader, writer):
        writer.write(b"GET /metrics HTTP/1.1\r\nX: ")
        sent = 0
        with suppress(ConnectionError):
            while sent < 50_000_000 and not reader.at_eof():
                writer.write(b"y" * 10_000)
                sent += 10_000
                await writer.drain()
    assert sent < 50_000_000
    assert site.pages.made == 0
    await assert_answers(site)


async def test_a_request_body_is_not_read(site: Site) -> None:
    async with connection(site) as (reader, writer):
        writer.write(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert b" 403 " in await asyncio.wait_for(reader.readline(), SOON)


async def test_scrapes_are_answered_beside_a_thousand_idle_connections(site: Site) -> None:
    with many_open_files():
        async with AsyncExitStack() as idle:
            for _ in range(1000):
                await idle.enter_async_context(connection(site))
            for _ in range(10):
                await assert_answers(site)


@pytest.mark.parametrize("options", [FEW])
async def test_above_the_limit_the_oldest_idle_connection_is_closed(site: Site) -> None:
    site.pages.open.clear()
    async with connection(site) as (answered, writer):
        writer.write(REQUEST)
        await until(lambda: site.pages.made == 1, "the scrape")
        async with connection(site) as (oldest, _), connection(site), connection(site):
            assert await ended(oldest) == b""
        site.pages.open.set()
        assert await asyncio.wait_for(answered.readline(), SOON) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("options", [FEW])
async def test_the_limit_of_connections_applies_to_simultaneous_connections(site: Site) -> None:
    async with AsyncExitStack() as stack:
        opening = (stack.enter_async_context(connection(site)) for _ in range(50))
        clients = await asyncio.gather(*opening)
        await assert_answers(site)

        def kept() -> int:
            return sum(not reader.at_eof() and reader.exception() is None for reader, _ in clients)

        await until(lambda: kept() < 3, lambda: f"{kept()} are kept")


async def test_fifty_scrapes_at_once_are_all_answered(site: Site) -> None:
    site.pages.open.clear()
    asked = [asyncio.create_task(site.get("/metrics")) for _ in range(50)]
    await until(lambda: site.pages.made == 50, "fifty scrapes")
    response, _ = await site.get("/-/healthy")
    assert response.status == 200, "waiting scrapes do not delay other pages"
    site.pages.open.set()
    answers = await asyncio.gather(*asked)
    assert {(response.status, body) for response, body in answers} == {(200, b"in text")}
