"""What a client may take: however it behaves, the others get their answers."""

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from exporter.web import Limits
from tests.stream.watch import until
from tests.web.site import Site

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SOON = 10.0
SHORT: dict[str, Any] = {"limits": Limits(idle_seconds=0.3, answer_seconds=0.3)}


@asynccontextmanager
async def connection(site: Site) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the other side ended the connection."""
    try:
        return await asyncio.wait_for(reader.read(), SOON)
    except ConnectionError:
        return b""


def rest_of(deaf: socket.socket) -> int:
    """How many bytes still come, once somebody reads."""
    taken = 0
    with suppress(ConnectionError):
        while chunk := deaf.recv(1_000_000):
            taken += len(chunk)
    return taken


async def assert_answers(site: Site) -> None:
    response, body = await asyncio.wait_for(site.get("/metrics"), SOON)
    assert (response.status, body) == (200, site.pages.text)


@pytest.mark.parametrize("site", [SHORT], indirect=True)
async def test_a_client_that_says_nothing_is_left(site: Site) -> None:
    async with connection(site) as (reader, _):
        assert await ended(reader) == b""


@pytest.mark.parametrize("site", [SHORT], indirect=True)
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


@pytest.mark.parametrize("site", [SHORT], indirect=True)
async def test_a_connection_that_is_not_used_any_more_is_ended(site: Site) -> None:
    async with connection(site) as (reader, writer):
        writer.write(REQUEST)
        assert (await ended(reader)).endswith(b"in text")


async def test_a_connection_is_kept_between_scrapes_a_minute_apart() -> None:
    assert Limits().idle_seconds > 60


@pytest.mark.parametrize("site", [SHORT], indirect=True)
async def test_a_client_that_does_not_read_is_left_and_its_answer_forgotten(site: Site) -> None:
    site.pages.text = b"x" * 20_000_000
    before = len(asyncio.all_tasks())
    with socket.create_connection(("127.0.0.1", site.port)) as deaf:
        deaf.sendall(REQUEST)
        await until(lambda: site.pages.made == 1, "the scrape")
        await until(lambda: len(asyncio.all_tasks()) == before, "the end of what answers it")
        taken = await asyncio.to_thread(rest_of, deaf)
    assert taken < len(site.pages.text)
    await assert_answers(site)


@pytest.mark.parametrize("site", [SHORT], indirect=True)
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
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        async with AsyncExitStack() as idle:
            for _ in range(1000):
                await idle.enter_async_context(connection(site))
            started = time.monotonic()
            for _ in range(10):
                await assert_answers(site)
            assert time.monotonic() - started < SOON / 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("site", [{"limits": Limits(connections=3)}], indirect=True)
async def test_of_too_many_connections_the_oldest_that_is_not_being_answered_has_to_go(site: Site) -> None:
    site.pages.open.clear()
    async with connection(site) as (answered, writer):
        writer.write(REQUEST)
        await until(lambda: site.pages.made == 1, "the scrape")
        async with connection(site) as (oldest, _), connection(site), connection(site):
            assert await ended(oldest) == b""
        site.pages.open.set()
        assert await asyncio.wait_for(answered.readline(), SOON) == b"HTTP/1.1 200 OK\r\n"


async def test_fifty_scrapes_at_once_are_all_answered(site: Site) -> None:
    site.pages.open.clear()
    asked = [asyncio.create_task(site.get("/metrics")) for _ in range(50)]
    await until(lambda: site.pages.made == 50, "fifty scrapes")
    response, _ = await site.get("/-/healthy")
    assert response.status == 200, "whoever waits holds up nobody else"
    site.pages.open.set()
    answers = await asyncio.gather(*asked)
    assert {(response.status, body) for response, body in answers} == {(200, b"in text")}
