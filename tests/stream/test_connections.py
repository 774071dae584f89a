"""A stream keeps its charger connected: with one connection at a time, and again after any end of it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from exporter.charger.events import OFF, Connected, Disconnection, Reading, ServiceError, StatusChange, TokenInUse
from exporter.config.tokens import TokenSource
from exporter.errors import ConnectFailure
from exporter.simulator import STEADY, Simulator, SimulatorOptions
from exporter.stream import connection, socketio_client
from tests.node.service import Generation, NodeService
from tests.stream.script import JOINED, opening, scripted
from tests.stream.watch import CHARGER, NATIVE, SOCKETIO5, Watch, until

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]

BOTH = pytest.mark.parametrize("transport", ["websocket", "polling"])
# A server 4 that also admits older clients is of either client's generation.
GENERATIONS: tuple[Generation, ...] = ("4", "4+3") if SOCKETIO5 else ("2", "4+3")


@BOTH
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_after_off_the_stream_reconnects(
    node_service: StartNode, watch: StartWatch, generation: Generation, transport: str
) -> None:
    node = node_service(generation)
    stream = watch(node.url, transports=[transport])
    await stream.until_connected()
    node.off(CHARGER)
    await stream.until_connected(times=2)
    assert stream.received(StatusChange) == [StatusChange(OFF)]
    assert stream.disconnections == [Disconnection.SERVER]
    assert stream.failures == []
    node.emit(CHARGER, "statusChanged", {"status": "ON"})
    await until(lambda: len(stream.received(StatusChange)) == 2, "the next session")


@BOTH
async def test_a_disconnect_that_closes_the_transport_has_the_reason_server(
    node_service: StartNode, watch: StartWatch, transport: str
) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url, transports=[transport])
    await stream.until_connected()
    node.disconnect(CHARGER, close=True)
    await stream.until_connected(times=2)
    assert stream.disconnections == [Disconnection.SERVER]


@BOTH
async def test_an_error_of_the_service_is_an_event(node_service: StartNode, watch: StartWatch, transport: str) -> None:
    # Generation 2 has its own packet for it, after which 4.6.1 treats the namespace as left.
    node = node_service(NATIVE)
    stream = watch(node.url, transports=[transport])
    await stream.until_connected()
    node.error(CHARGER, "Internal error")
    await until(lambda: stream.received(ServiceError), "the error")
    assert stream.received(ServiceError) == [ServiceError(occupied=False)]
    await stream.until_connected(times=1 if SOCKETIO5 else 2)
    assert len(node.open_connections(CHARGER)) == 1


@BOTH
async def test_a_broken_connection_is_reconnected(node_service: StartNode, watch: StartWatch, transport: str) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url, transports=[transport])
    for times in (1, 2):
        await stream.until_connected(times)
        node.cut(CHARGER)
    await stream.until_connected(times=3)
    assert len(stream.disconnections) == 2


@BOTH
async def test_a_silent_connection_is_closed(node_service: StartNode, watch: StartWatch, transport: str) -> None:
    node = node_service(NATIVE, ping_interval=300, ping_timeout=300)
    stream = watch(node.url, transports=[transport])
    await stream.until_connected()
    node.silence(CHARGER)
    await stream.until_connected(times=2)
    assert stream.disconnections == [Disconnection.IDLE]


async def test_a_stream_reconnects_after_a_restart_of_the_server(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url)
    await stream.until_connected()
    node.process.stop()
    await stream.until_failed(times=5)
    assert set(stream.failures) == {ConnectFailure.UNREACHABLE}
    node_service(NATIVE, port=node.port)
    await stream.until_connected(times=2)


@BOTH
async def test_a_charger_never_has_two_connections_at_once(
    node_service: StartNode, watch: StartWatch, transport: str
) -> None:
    # The service may treat a second connection as another user.
    node = node_service(NATIVE, ping_interval=300, ping_timeout=300)
    stream = watch(node.url, transports=[transport], connect_timeout=1.0)
    endings: list[Callable[[], None]] = [
        lambda: node.disconnect(CHARGER, close=False),
        lambda: node.off(CHARGER),
        lambda: node.silence(CHARGER),
        lambda: node.disconnect(CHARGER, close=True),
    ]
    for times, end in enumerate(endings, start=1):
        await stream.until_connected(times)
        end()
    await stream.until_connected(times=len(endings) + 1)
    node.rules(refuse="Authentication error")
    node.disconnect(CHARGER)
    await stream.until_failed(times=3)
    assert node.most_at_once(CHARGER) == 1


@pytest.mark.parametrize("status", [400, 403, 502])
async def test_polling_is_used_if_a_proxy_refuses_websockets(
    node_service: StartNode, watch: StartWatch, status: int
) -> None:
    node = node_service(NATIVE)
    node.rules(websocket_status=status)
    stream = watch(node.url, transports=["websocket", "polling"])
    await stream.until_connected()
    assert [one.transport for one in node.connections(CHARGER)] == ["polling"]
    assert stream.failures == []


async def test_polling_is_not_tried_if_the_service_refuses(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    node.rules(refuse="Authentication error")
    stream = watch(node.url, transports=["websocket", "polling"])
    await stream.until_failed(times=2)
    assert {one["transport"] for one in node.handshakes(CHARGER)} == {"websocket"}


async def test_token_and_charger_are_percent_encoded(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    charger, token = "a&b=c/d #1?ü%41", "x+y/z&chargerId=other="
    stream = watch(node.url, charger=charger, token=TokenSource(literal=token))
    await stream.until_connected()
    assert [one.token for one in node.connections(charger)] == [f"Bearer {token}"]


async def test_events_may_come_before_the_connection_is_confirmed(watch: StartWatch) -> None:
    log = '42["newLog",{"energy":1}]'
    async with scripted([opening(), log, JOINED, log]) as url:
        stream = watch(url)
        await until(lambda: len(stream.received(Reading)) == 2, "both logs")
        events = [type(event) for event in stream.delivered]
        assert events == [TokenInUse, Connected, Reading, Reading]
        await stream.stop()


@pytest.mark.parametrize("packet", ['44/other,"Invalid namespace"', '44/other,{"message":"no"}', "41/other,"])
@pytest.mark.parametrize("when", ["before it has joined", "while it is connected"])
async def test_an_error_or_disconnect_of_another_namespace_is_ignored(
    watch: StartWatch, packet: str, when: str
) -> None:
    log = '42["newLog",{"energy":1}]'
    begin = [packet, JOINED] if when == "before it has joined" else [JOINED, packet]
    async with scripted([opening(), *begin, log]) as url:
        stream = watch(url)
        await until(lambda: stream.received(Reading), "the log")
        await stream.stop()
    assert stream.connections == 1
    assert stream.failures == []
    assert stream.disconnections == [Disconnection.RELOAD]


@pytest.mark.parametrize(("ping_interval", "ping_timeout"), [(3_600_000, 20_000), (25_000, 3_600_000)])
async def test_a_server_that_announces_a_ping_interval_of_an_hour_is_connected_to(
    node_service: StartNode, watch: StartWatch, ping_interval: int, ping_timeout: int
) -> None:
    node = node_service(NATIVE, ping_interval=ping_interval, ping_timeout=ping_timeout)
    for transport in ("websocket", "polling"):
        stream = watch(node.url, charger=transport, transports=[transport])
        await stream.until_connected()
        node.emit(transport, "newLog", {"energy": 1})
        await until(lambda: stream.received(Reading), "the log")  # noqa: B023 - called at once
        assert stream.failures == []


@BOTH
async def test_silence_is_detected_if_the_ping_interval_is_an_hour(
    node_service: StartNode, watch: StartWatch, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With Engine.IO 3 the client can ping sooner; with Engine.IO 4 only the timeout can be shortened.
    monkeypatch.setattr(socketio_client, "MAX_PING_SECONDS", 0.3)
    if SOCKETIO5:
        monkeypatch.setattr(connection, "MAX_SILENCE_SECONDS", 0.6)
    node = node_service(NATIVE, ping_interval=3_600_000, ping_timeout=3_600_000)
    stream = watch(node.url, transports=[transport])
    await stream.until_connected()
    node.silence(CHARGER)
    await stream.until_connected(times=2)
    assert stream.disconnections == [Disconnection.IDLE]


async def test_no_event_of_a_server_ends_the_stream(watch: StartWatch) -> None:
    garbage = ["4", "42", "42[", "42{}", "42[]", '42[{"not":"a name"}]', "47", "4x", '43["ack"]', "451-[", "42[null]"]
    log = '42["newLog",{"energy":1}]'
    async with scripted([opening(), JOINED, *garbage, b"\x04bytes that nobody announced", log]) as url:
        stream = watch(url)
        await until(lambda: stream.received(Reading), "the log after the garbage")
        assert stream.garbled > 0
        assert stream.disconnections == []
        await stream.stop()


async def test_an_unknown_frame_ends_at_most_one_connection(watch: StartWatch) -> None:
    # 4.6.1 then stops reading without an error. The silence that follows is detected.
    async with scripted([opening(ping_milliseconds=50), JOINED, b"bytes of no kind"]) as url:
        stream = watch(url)
        await until(lambda: stream.connections >= 2, "another connection")
        await stream.stop()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    options = SimulatorOptions(chargers=2, speed=60, log_interval=1, seed=1, plan=STEADY)
    async with Simulator(options) as service:
        yield service


def watch_of(simulator: Simulator, watch: StartWatch, **options: Any) -> Watch:
    return watch(simulator.url, charger=simulator.charger_ids[0], token=TokenSource(literal=simulator.token), **options)


@BOTH
async def test_a_stream_reconnects_after_a_restart_of_the_simulator(
    simulator: Simulator, watch: StartWatch, transport: str
) -> None:
    stream = watch_of(simulator, watch, transports=[transport])
    await stream.until_connected()
    await until(lambda: len(stream.received(Reading)) >= 3, "three logs")
    simulator.restart(0.2)
    await stream.until_connected(times=2)
    assert stream.disconnections == [Disconnection.TRANSPORT]
    await stream.stop()


async def test_the_simulator_refuses_and_leaves_the_transport_open(simulator: Simulator, watch: StartWatch) -> None:
    simulator.service.tokens.accepting = False
    stream = watch_of(simulator, watch)
    await stream.until_failed(times=2)
    assert set(stream.failures) == {ConnectFailure.REJECTED}
    simulator.service.tokens.accepting = True
    await stream.until_connected()
    await stream.stop()


@BOTH
async def test_an_occupied_charger_is_a_failure_logged_once(
    simulator: Simulator, watch: StartWatch, transport: str
) -> None:
    first = watch_of(simulator, watch)
    await first.until_connected()
    second = watch_of(simulator, watch, transports=[transport], level="info")
    await second.until_failed()
    assert second.failures[0] is ConnectFailure.OCCUPIED
    assert second.received(ServiceError)[0].occupied
    (line,) = second.log_text().splitlines()[:1]
    assert 'msg="cannot connect"' in line
    assert "reason=occupied" in line
    assert "close the app there, or stop the other exporter" in line
    assert "stream connected" not in second.log_text()
    assert second.connections == 0
    assert first.disconnections == []
    await first.stop()
    await second.until_connected()
    await second.stop()


@pytest.mark.parametrize("refusal", ['44"Charger already connected to other device"', "44{}"])
async def test_a_refusal_is_occupied_only_if_its_text_says_so(watch: StartWatch, refusal: str) -> None:
    async with scripted([opening(), refusal]) as url:
        stream = watch(url)
        await stream.until_failed()
        assert stream.failures[0] is (ConnectFailure.REJECTED if refusal == "44{}" else ConnectFailure.OCCUPIED)
        assert stream.connections == 0
        await stream.stop()


async def test_a_stream_without_events_counts_as_connected_after_3_seconds(
    watch: StartWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WELCOME_SECONDS", 0.05)
    async with scripted([opening(), JOINED]) as url:
        stream = watch(url)
        await until(lambda: stream.connections == 1, "the connection")
        await until(lambda: "stream connected" in stream.log_text(), "the line")
        await stream.stop()
