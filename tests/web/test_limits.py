"""What a client may take: however it behaves, the others get their answers."""

import asyncio
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from exporter.web.connections import Limits
from tests.certificates import Authority
from tests.stream.watch import until
from tests.web.site import Site

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SOON = 10.0
SHORT: dict[str, Any] = {"limits": Limits(idle_seconds=0.3, answer_seconds=0.3)}
# Nobody is ended here by a handshake that takes too long.
FEW: dict[str, Any] = {"limits": Limits(connections=3, handshake_seconds=600)}
MANY: dict[str, Any] = {"limits": Limits(connections=100, handshake_seconds=600)}


@pytest.fixture
def options() -> dict[str, Any]:
    """Of the site; a parameter gives others."""
    return {}


@pytest.fixture(params=["http", "https"])
async def site(request: pytest.FixtureRequest, options: dict[str, Any], tmp_path: Path) -> AsyncIterator[Site]:
    """A running site: what holds without TLS holds with it."""
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
    """While it lasts, this process has enough for both ends of a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the other side ended the connection."""
    try:
        return await asyncio.wait_for(reader.read(), SOON)
    except ConnectionError:
        return b""


def connected(site: Site) -> socket.socket:
    """A client that reads only when it is told to."""
    client = socket.create_connection(("127.0.0.1", site.port), SOON)
    if isinstance(site.trusting, ssl.SSLContext):
        return site.trusting.wrap_socket(client, server_hostname="127.0.0.1")
    return client


def is_kept(client: socket.socket) -> bool:
    """Whether the other side has left a connection of a client open over which nothing is said."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def rest_of(deaf: socket.socket) -> int:
    """How many bytes still come, once somebody reads."""
    taken = 0
    with suppress(ConnectionError, ssl.SSLEOFError):
        while chunk := deaf.recv(1_000_000):
            taken += len(chunk)
    return taken


async def assert_answers(site: Site) -> None:
    response, body = await asyncio.wait_for(site.get("/metrics"), SOON)
    assert (response.status, body) == (200, site.pages.text)


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_says_nothing_is_left(site: Site) -> None:
    async with connection(site) as (reader, _):
        assert await ended(reader) == b""


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_dribbles_its_head_is_left_however_busy_it_looks(site: Site) -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /metrics HTTP/1.1\r\n")
        while True:
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.02)

    async with connection(site) as (reader, writer):
        dribbling = asyncio.create_task(dribble(writer))
        left_with = await ended(reader)
        dribbling.cancel()
        assert b"200 OK" not in left_with


@pytest.mark.parametrize("options", [SHORT])
async def test_a_connection_that_is_not_used_any_more_is_ended(site: Site) -> None:
    async with connection(site) as (reader, writer):
        writer.write(REQUEST)
        assert (await ended(reader)).endswith(b"in text")


async def test_a_connection_is_kept_between_scrapes_a_minute_apart() -> None:
    assert Limits().idle_seconds > 60


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_does_not_read_is_left_and_its_answer_forgotten(site: Site) -> None:
    site.pages.text = b"x" * 20_000_000
    before = len(asyncio.all_tasks())
    with await asyncio.to_thread(connected, site) as deaf:
        deaf.sendall(REQUEST)
        await until(lambda: site.pages.made == 1, "the scrape")
        await until(lambda: len(asyncio.all_tasks()) == before, "the end of what answers it")
        taken = await asyncio.to_thread(rest_of, deaf)
    assert taken < len(site.pages.text)
    await assert_answers(site)


@pytest.mark.parametrize("options", [SHORT])
async def test_a_client_that_reads_for_ever_is_left_before_it_has_read_all(site: Site) -> None:
    site.pages.text = b"x" * 60_000_000
    async with connection(site) as (reader, writer):
        writer.write(REQUEST)
        taken = 0
        with suppress(ConnectionError):
            # About 6 MB a second: what is taken in keeps the kernel content, and is not taken in in time.
            while chunk := await reader.read(65_536):
                taken += len(chunk)
                await asyncio.sleep(0.01)
    assert taken < len(site.pages.text)


async def test_a_slow_reader_does_not_hold_up_others(site: Site) -> None:
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
async def test_a_huge_head_is_refused(site: Site, head: bytes) -> None:
    async with connection(site) as (reader, writer):
        writer.write(head)
        assert b" 400 Bad Request" in (await ended(reader)).partition(b"\r\n")[0]
    assert site.pages.made == 0


async def test_a_head_without_end_is_not_read_to_its_end(site: Site) -> None:
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


async def test_a_body_is_not_waited_for(site: Site) -> None:
    async with connection(site) as (reader, writer):
        writer.write(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert b" 403 " in await asyncio.wait_for(reader.readline(), SOON)


async def test_a_thousand_idle_connections_hurt_nobody(site: Site) -> None:
    with many_open_files():
        async with AsyncExitStack() as idle:
            for _ in range(1000):
                await idle.enter_async_context(connection(site))
            started = time.monotonic()
            for _ in range(10):
                await assert_answers(site)
            assert time.monotonic() - started < SOON / 2


@pytest.mark.parametrize("options", [MANY])
async def test_a_thousand_clients_that_never_say_a_word_take_no_more_files_than_there_are_connections(
    site: Site,
) -> None:
    before = open_files()
    with many_open_files(), ExitStack() as silent:
        for _ in range(1000):
            client = silent.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", site.port))
        await assert_answers(site)  # who comes after them has been taken in after them
        of_clients = 1000 + 2  # with both ends of the one that was answered, and is kept
        await until(lambda: open_files() <= before + of_clients + 100, lambda: f"{open_files()} open files")


@pytest.mark.parametrize("options", [FEW])
async def test_of_too_many_connections_the_oldest_that_is_not_being_answered_has_to_go(site: Site) -> None:
    site.pages.open.clear()
    async with connection(site) as (answered, writer):
        writer.write(REQUEST)
        await until(lambda: site.pages.made == 1, "the scrape")
        async with connection(site) as (oldest, _), connection(site), connection(site):
            assert await ended(oldest) == b""
        site.pages.open.set()
        assert await asyncio.wait_for(answered.readline(), SOON) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("options", [FEW])
async def test_of_many_connections_that_come_at_once_no_more_are_kept(site: Site) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", site.port))) for _ in range(50)]
        await assert_answers(site)
        await until(lambda: sum(map(is_kept, clients)) < 3, lambda: f"{sum(map(is_kept, clients))} are kept")


@contextmanager
def no_file_left() -> Iterator[None]:
    """While it lasts, this process can open no file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
    with ExitStack() as taken:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        try:
            with suppress(OSError):
                while True:
                    taken.enter_context(Path("/dev/null").open("rb"))
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_who_gets_the_last_file_keeps_it_while_nobody_waits_for_one(site: Site) -> None:
    if isinstance(site.trusting, ssl.SSLContext):
        client: socket.socket = site.trusting.wrap_socket(socket.socket(), server_hostname="127.0.0.1")
    else:
        client = socket.socket()
    client.settimeout(SOON)

    def ask() -> bytes:
        client.connect(("127.0.0.1", site.port))
        client.sendall(REQUEST)
        return client.recv(15)

    await asyncio.to_thread(bool)  # its thread takes files when it starts
    with client, no_file_left():
        assert await asyncio.to_thread(ask) == b"HTTP/1.1 200 OK"
    assert site.log.lines == []


async def test_fifty_scrapes_at_once_are_all_answered(site: Site) -> None:
    site.pages.open.clear()
    asked = [asyncio.create_task(site.get("/metrics")) for _ in range(50)]
    await until(lambda: site.pages.made == 50, "fifty scrapes")
    response, _ = await site.get("/-/healthy")
    assert response.status == 200, "whoever waits holds up nobody else"
    site.pages.open.set()
    answers = await asyncio.gather(*asked)
    assert {(response.status, body) for response, body in answers} == {(200, b"in text")}
