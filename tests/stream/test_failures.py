"""The reason of a failure to connect is in the metrics and in one log line with a remedy."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from exporter.config.tokens import TokenSource
from exporter.errors import ConnectFailure
from exporter.stream.http_sessions import HttpSessions
from tests.node.service import NodeService
from tests.processes import SECONDS
from tests.stream.script import opening, scripted
from tests.stream.watch import (
    CHARGER,
    FOREIGN,
    FOREIGN_TRANSPORTS,
    NATIVE,
    TOKEN,
    Resting,
    Watch,
    service_at,
    until,
)

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]

BOTH = pytest.mark.parametrize("transport", ["websocket", "polling"])


async def the_failure(stream: Watch) -> ConnectFailure:
    await stream.until_failed()
    assert "level=warn " in stream.log.getvalue()
    assert stream.connections == 0
    return stream.failures[0]


@BOTH
async def test_a_refused_token_is_rejected(node_service: StartNode, watch: StartWatch, transport: str) -> None:
    node = node_service(NATIVE)
    node.rules(refuse="Authentication error")
    stream = watch(node.url, transports=[transport])
    assert await the_failure(stream) is ConnectFailure.REJECTED
    assert "check the token" in stream.log.getvalue()


@BOTH
@pytest.mark.parametrize("status", [401, 403])
async def test_an_http_refusal_is_rejected(
    node_service: StartNode, watch: StartWatch, transport: str, status: int
) -> None:
    node = node_service(NATIVE)
    node.rules(handshake_status=status)
    assert await the_failure(watch(node.url, transports=[transport])) is ConnectFailure.REJECTED


@BOTH
async def test_a_closed_port_is_unreachable(watch: StartWatch, closed_address: str, transport: str) -> None:
    stream = watch(f"http://{closed_address}", transports=[transport])
    assert await the_failure(stream) is ConnectFailure.UNREACHABLE


@BOTH
async def test_a_proxy_without_its_service_is_unreachable(
    node_service: StartNode, watch: StartWatch, transport: str
) -> None:
    node = node_service(NATIVE)
    node.rules(handshake_status=502)
    assert await the_failure(watch(node.url, transports=[transport])) is ConnectFailure.UNREACHABLE


@BOTH
async def test_a_server_that_does_not_answer_is_a_timeout(
    watch: StartWatch, silent_address: str, transport: str
) -> None:
    stream = watch(f"http://{silent_address}", transports=[transport], connect_timeout=0.3)
    assert await the_failure(stream) is ConnectFailure.TIMEOUT
    assert "connect_timeout" in stream.log.getvalue()


async def test_a_timeout_of_the_http_library_is_the_timeout_of_the_handshake(
    watch: StartWatch, full_address: str
) -> None:
    # The two have the same limit. Here that of the library is shorter, so that it always ends first.
    async with aiohttp.TCPConnector() as connector:
        http = HttpSessions(connector, connect_timeout_seconds=0.05)
        service = service_at(f"http://{full_address}", TokenSource(literal=TOKEN), ["websocket"], SECONDS, http)
        stream = watch(service.account.url, service=service)
        assert await the_failure(stream) is ConnectFailure.TIMEOUT
        assert "connect_timeout" in stream.log.getvalue()
        await stream.stop()
        await http.close()


@pytest.mark.parametrize("slow", ["answer_delay", "accept_delay"])
async def test_a_service_that_answers_within_the_timeout_connects_at_the_first_attempt(
    node_service: StartNode, watch: StartWatch, slow: str
) -> None:
    node = node_service(NATIVE)
    node.rules(**{slow: 3000})
    # Slower than half of the timeout: each transport must have the whole.
    orders = (["websocket", "polling"], ["polling", "websocket"])
    streams = [
        watch(node.url, charger=order[0], transports=order, connect_timeout=5.5, rng=Resting()) for order in orders
    ]
    for stream, order in zip(streams, orders, strict=True):
        await stream.until_connected()
        assert stream.failures == []
        assert [one.transport for one in node.connections(order[0])] == order[:1]


async def test_if_websockets_hang_a_slow_service_connects_at_the_second_attempt(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    node.rules(websocket_hang=True, accept_delay=1500)
    stream = watch(node.url, transports=["websocket", "polling"], connect_timeout=4.0)
    await stream.until_connected()
    assert stream.failures == [ConnectFailure.TIMEOUT]
    assert [one["transport"] for one in node.handshakes(CHARGER)] == ["websocket", "polling"]


async def test_a_service_that_does_not_answer_gets_one_transport_at_a_time(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    node.rules(hang=True)
    stream = watch(node.url, transports=["websocket", "polling"], connect_timeout=0.3)
    await stream.until_failed(times=4)
    asked = [one["transport"] for one in node.handshakes(CHARGER)]
    assert asked[:4] == ["websocket", "polling", "websocket", "polling"]


async def test_after_a_connection_the_first_transport_is_tried_first(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    node.rules(websocket_hang=True)
    stream = watch(node.url, transports=["websocket", "polling"], connect_timeout=2.0)
    await stream.until_connected()
    node.rules(websocket_hang=None)
    node.disconnect(CHARGER)
    await stream.until_connected(times=2)
    assert [one.transport for one in node.connections(CHARGER)] == ["polling", "websocket"]


async def test_a_namespace_that_is_never_joined_is_a_timeout(watch: StartWatch) -> None:
    async with scripted([opening()]) as url:
        stream = watch(url, connect_timeout=0.3)
        assert await the_failure(stream) is ConnectFailure.TIMEOUT
        await stream.stop()


async def test_a_requested_wait_applies_to_all_streams_of_the_account(watch: StartWatch) -> None:
    loop = asyncio.get_running_loop()
    came: list[float] = []

    async def too_many(_request: web.Request) -> web.Response:
        came.append(loop.time())
        return web.Response(status=429, headers={"Retry-After": "1"})

    app = web.Application()
    app.router.add_get("/socket.io/", too_many)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        first = watch(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await first.until_failed()
        second = watch("", charger="another", service=first.service)
        await until(lambda: len(came) >= 3, "both try again")
        await first.stop()
        await second.stop()
    finally:
        await runner.cleanup()
    assert min(came[1:]) - came[0] >= 1.0


async def test_a_queued_handshake_also_waits_when_the_service_requests_a_wait(watch: StartWatch) -> None:
    came: list[str] = []
    both_wait = asyncio.Event()

    async def too_many(request: web.Request) -> web.Response:
        came.append(request.query["chargerId"])
        await both_wait.wait()
        return web.Response(status=429, headers={"Retry-After": "3600"})

    app = web.Application()
    app.router.add_get("/socket.io/", too_many)
    one_at_a_time = asyncio.Semaphore(1)
    async with TestServer(app) as server:
        first = watch(str(server.make_url("")), handshakes=one_at_a_time)
        await until(lambda: came, "the first handshake")
        second = watch("", charger="another", service=first.service, handshakes=one_at_a_time)
        await asyncio.sleep(0)  # it waits for its turn
        both_wait.set()
        await first.until_failed()
        await until(lambda: not one_at_a_time.locked(), "the turn of the second is over")
        assert len(came) == 1
        assert second.failures == []
        await first.stop()
        await second.stop()


async def test_a_wait_requested_with_a_refused_token_applies_to_its_stream_only(watch: StartWatch) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"code": 4}, status=401, headers={"Retry-After": "3600"})

    app = web.Application()
    app.router.add_get("/socket.io/", refuse)
    async with TestServer(app) as server:
        first = watch(str(server.make_url("")))
        await first.until_failed()
        second = watch("", charger="another", service=first.service)
        await second.until_failed()
        assert first.failures == second.failures == [ConnectFailure.REJECTED]
        await first.stop()
        await second.stop()


@BOTH
async def test_a_server_without_tls_is_a_tls_failure(
    node_service: StartNode, watch: StartWatch, transport: str
) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url.replace("http:", "https:"), transports=[transport])
    assert await the_failure(stream) is ConnectFailure.TLS


@pytest.mark.parametrize("transport", FOREIGN_TRANSPORTS)
async def test_a_server_of_the_other_generation_is_a_protocol_failure(
    node_service: StartNode, watch: StartWatch, transport: str
) -> None:
    node = node_service(FOREIGN)
    stream = watch(node.url, transports=[transport])
    assert await the_failure(stream) is ConnectFailure.PROTOCOL
    assert "another Socket.IO generation" in stream.log.getvalue()


@BOTH
async def test_an_address_without_socketio_has_the_reason_other(
    node_service: StartNode, watch: StartWatch, transport: str
) -> None:
    node = node_service(NATIVE)
    stream = watch(f"{node.url}/elsewhere", transports=[transport])
    node.rules(handshake_status=404)
    assert await the_failure(stream) in (ConnectFailure.OTHER, ConnectFailure.PROTOCOL)


async def test_a_missing_token_file_has_the_reason_other(
    node_service: StartNode, watch: StartWatch, tmp_path: Path
) -> None:
    node = node_service(NATIVE)
    file = tmp_path / "token"
    stream = watch(node.url, token=TokenSource(file=file))
    assert await the_failure(stream) is ConnectFailure.OTHER
    assert not node.handshakes(CHARGER)
    file.write_text("a.b.c")
    await stream.until_connected()


async def test_a_persistent_failure_is_logged_less_and_less_often(watch: StartWatch, closed_address: str) -> None:
    stream = watch(f"http://{closed_address}")
    await stream.until_failed(times=20)
    lines = [line for line in stream.log.getvalue().splitlines() if "level=warn " in line]
    assert [line.partition("attempts=")[2].split()[0] for line in lines] == ["1", "2", "4", "8", "16"]


def streams_of_one_service(watch: StartWatch, url: str, number: int) -> list[Watch]:
    first = watch(url)
    return [first, *(watch(url, charger=f"charger-{n}", service=first.service) for n in range(number - 1))]


async def test_many_failures_of_one_kind_are_logged_at_powers_of_two_with_their_number(
    watch: StartWatch, closed_address: str
) -> None:
    streams = streams_of_one_service(watch, f"http://{closed_address}", 40)
    for stream in streams:
        await stream.until_failed()
    text = "".join(stream.log.getvalue() for stream in streams)
    counts = sorted(map(int, re.findall(r"attempts=1 chargers_failing=(\d+) ", text)))
    assert counts == [*range(1, 11), 16, 32]


async def test_a_failing_charger_is_logged_while_another_one_keeps_failing(
    watch: StartWatch, closed_address: str
) -> None:
    url = f"http://{closed_address}"
    first = watch(url)
    await first.until_failed(times=9)
    second = watch(url, charger="another", service=first.service)
    await second.until_failed()
    assert "cannot connect" in second.log.getvalue()
    assert "charger_id=another account=" in second.log.getvalue()


async def test_chargers_that_are_no_longer_watched_do_not_hide_a_new_failure(
    watch: StartWatch, closed_address: str
) -> None:
    url = f"http://{closed_address}"
    former = streams_of_one_service(watch, url, 12)
    for stream in former:
        await stream.until_failed()
        await stream.stop()
    new = watch(url, charger="new", service=former[0].service)
    await new.until_failed()
    assert "attempts=1 chargers_failing=1 " in new.log.getvalue()


async def test_a_charger_that_fails_for_another_reason_no_longer_counts_for_the_first(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    node.rules(handshake_status=502)
    first = watch(node.url)
    await first.until_failed()
    node.rules(handshake_status=401)
    await until(lambda: ConnectFailure.REJECTED in first.failures, first.log_text)
    failing_by_reason = {reason for reason, failing in first.service.failing.items() if failing}
    assert failing_by_reason == {ConnectFailure.REJECTED}


async def test_a_failure_is_logged_again_after_a_connection(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    node.rules(handshake_status=502)
    stream = watch(node.url)
    await stream.until_failed(times=3)
    node.rules(handshake_status=None)
    await stream.until_connected()
    node.rules(handshake_status=502)
    node.disconnect(CHARGER, close=True)
    await stream.until_failed(times=len(stream.failures) + 1)
    assert stream.log.getvalue().count("attempts=1 ") == 2


async def test_the_number_of_concurrent_handshakes_is_limited(watch: StartWatch, silent_address: str) -> None:
    one_at_a_time = asyncio.Semaphore(1)
    options = {"connect_timeout": 0.3, "handshakes": one_at_a_time}
    streams = [watch(f"http://{silent_address}", charger=name, **options) for name in "abc"]
    began = asyncio.get_running_loop().time()
    await until(lambda: all(stream.failures for stream in streams), "a failure of each")
    assert asyncio.get_running_loop().time() - began >= 3 * 0.3
