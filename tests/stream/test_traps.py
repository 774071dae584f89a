"""The faults of the client library (numbered as in the protocol notes), each with its handling.

The server is Socket.IO in Node.js, of the generation of the installed client library.
"""

import asyncio
import io
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from exporter.charger.events import Disconnection, Reading, UnknownEvent
from exporter.config.tokens import TokenSource
from exporter.errors import ConnectFailure
from exporter.simulator import Simulator, SimulatorOptions
from tests.node.service import NodeService
from tests.stream.watch import CHARGER, FOREIGN, FOREIGN_TRANSPORTS, NATIVE, TOKEN, Watch, until

KWH = 3_600_000

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]


async def test_1_a_disconnect_with_an_open_transport_ends_the_connection(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url)
    await stream.until_connected()
    node.disconnect(CHARGER, close=False)
    await stream.until_connected(times=2)
    assert stream.disconnections == [Disconnection.SERVER]
    assert [one.open for one in node.connections(CHARGER)] == [False, True]


async def test_2_a_refused_token_fails_the_attempt_and_is_tried_again(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    node.rules(refuse="Authentication error")
    stream = watch(node.url)
    await stream.until_failed(times=3)
    assert set(stream.failures) == {ConnectFailure.REJECTED}
    assert stream.connections == 0
    node.rules(refuse=None)
    await stream.until_connected()
    assert len(node.open_connections(CHARGER)) == 1


async def test_3_a_polling_reply_may_hold_any_number_of_packets(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url, transports=["polling"])
    await stream.until_connected()
    node.emit_each(CHARGER, "newLog", [{"energy": n} for n in range(100)])
    await until(lambda: len(stream.received(Reading)) == 100, "100 logs")
    assert [one.session_energy_joules for one in stream.received(Reading)] == [n * KWH for n in range(100)]
    assert stream.disconnections == []


async def test_4_a_ping_that_fails_over_polling_ends_the_connection(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE, ping_interval=300, ping_timeout=3000)
    stream = watch(node.url, transports=["polling"])
    await stream.until_connected()
    node.rules(post_status=500)
    await until(lambda: stream.disconnections, "the disconnection")
    assert stream.disconnections == [Disconnection.TRANSPORT]
    node.rules(post_status=None)
    await stream.until_connected(times=2)


async def test_5_the_next_attempt_uses_a_rotated_token(
    node_service: StartNode, watch: StartWatch, tmp_path: Path
) -> None:
    node = node_service(NATIVE)
    file = tmp_path / "token"
    file.write_text("old.token.x\n")
    stream = watch(node.url, token=TokenSource(file=file))
    await stream.until_connected()
    file.write_text("new.token.y\n")
    node.rules(token="new.token.y")
    node.disconnect(CHARGER)
    await stream.until_connected(times=2)
    assert [one.token for one in node.connections(CHARGER)] == ["Bearer old.token.x", "Bearer new.token.y"]


async def test_5_no_exception_of_the_library_ends_the_attempts(node_service: StartNode, watch: StartWatch) -> None:
    # The other generation's websocket handshake makes 4.6.1 raise AttributeError.
    node = node_service(FOREIGN)
    stream = watch(node.url, transports=FOREIGN_TRANSPORTS[:1])
    await stream.until_failed(times=3)
    assert not stream.task.done()


async def test_6_a_handshake_that_is_never_answered_times_out(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    node.rules(hang=True)
    for transport in ("websocket", "polling"):
        stream = watch(node.url, charger=transport, transports=[transport], connect_timeout=0.3)
        await stream.until_failed(times=2)
        assert set(stream.failures) == {ConnectFailure.TIMEOUT}


async def test_7_the_stream_ends_when_it_is_cancelled_and_leaves_no_task(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    before = asyncio.all_tasks()
    for transport in ("websocket", "polling"):
        stream = watch(node.url, transports=[transport])
        await stream.until_connected()
        await stream.stop()
        assert stream.disconnections == [Disconnection.RELOAD]
        assert asyncio.all_tasks() == before
        await until(lambda: not node.open_connections(CHARGER), "the disconnect at the server")


async def test_7_the_stream_ends_when_it_is_cancelled_right_after_it_connected(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    before = asyncio.all_tasks()
    stream = watch(node.url)
    while not stream.connections:  # noqa: ASYNC110 - the very next turn of the loop
        await asyncio.sleep(0)
    await stream.stop()
    assert stream.disconnections == [Disconnection.RELOAD]
    assert asyncio.all_tasks() == before


async def test_7_the_stream_ends_when_it_is_cancelled_during_a_handshake(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    node.rules(hang=True)
    before = asyncio.all_tasks()
    for transport in ("websocket", "polling"):
        stream = watch(node.url, charger=transport, transports=[transport])
        await until(lambda: node.handshakes(transport), "the handshake")  # noqa: B023 - called at once
        await stream.stop()
        assert asyncio.all_tasks() == before


async def test_7_the_stream_ends_when_it_is_cancelled_even_if_the_server_is_frozen(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    before = asyncio.all_tasks()
    streams = [watch(node.url, charger=name, transports=[name]) for name in ("websocket", "polling")]
    for stream in streams:
        await stream.until_connected()
    node.process.signal(signal.SIGSTOP)
    try:
        await asyncio.gather(*(stream.stop() for stream in streams))
        assert asyncio.all_tasks() == before
    finally:
        node.process.signal(signal.SIGCONT)


async def test_8_the_library_logs_nothing_and_installs_no_signal_handler(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    handler = signal.getsignal(signal.SIGINT)
    written = io.StringIO()
    everything = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(everything)
    root.setLevel(logging.DEBUG)
    try:
        stream = watch(node.url, token=TokenSource(literal="marked-token"))
        await stream.until_connected()
        node.emit(CHARGER, "newLog", {"userId": "marked-user", "energy": 1})
        await until(lambda: stream.received(Reading), "the log")
    finally:
        root.removeHandler(everything)
        root.setLevel(level)
    assert "connected" in stream.log.getvalue()
    assert "marked" not in written.getvalue() + stream.log.getvalue()
    assert signal.getsignal(signal.SIGINT) is handler


async def test_9_events_arrive_in_the_order_they_were_sent(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url)
    await stream.until_connected()
    # Large and small in turn: if they were handled concurrently, the small ones would overtake.
    node.emit_each(CHARGER, "newLog", [{"energy": n, "fill": "x" * (n % 2 * 100_000)} for n in range(200)])
    await until(lambda: len(stream.received(Reading)) == 200, "200 logs")
    assert [one.session_energy_joules for one in stream.received(Reading)] == [n * KWH for n in range(200)]


async def test_10_every_event_is_received_by_one_handler(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url)
    await stream.until_connected()
    log = {"voltage": "230.00", "energy": 0.23}
    node.emit(CHARGER, "newLog", log)
    node.emit(CHARGER, "newLog", log, "text")
    node.emit(CHARGER, "newLog", log, "binary")
    node.emit(CHARGER, "somethingNew", [1, 2])
    await until(lambda: stream.received(UnknownEvent), "the last event")
    reading = Reading(voltage_volts=230.0, session_energy_joules=0.23 * KWH)
    assert stream.received(Reading) == [reading, reading, reading]


async def test_11_the_simulator_emits_on_every_python(watch: StartWatch) -> None:
    async with Simulator(SimulatorOptions(chargers=1, speed=60, log_interval=1)) as service:
        (charger,) = service.charger_ids
        stream = watch(service.url, charger=charger, token=TokenSource(literal=service.token))
        await stream.until_connected()
        await until(lambda: len(stream.received(Reading)) >= 3, "three logs")
        await stream.stop()


async def test_12_websocket_is_connected_to_without_polling_first(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    stream = watch(node.url)
    await stream.until_connected()
    assert [one["transport"] for one in node.handshakes(CHARGER)] == ["websocket"]
    assert [one.token for one in node.connections(CHARGER)] == [f"Bearer {TOKEN}"]
