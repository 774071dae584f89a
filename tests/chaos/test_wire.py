"""Faults of the network between exporter and service."""

from tests.chaos import answers
from tests.chaos.faults import CONNECT_TIMEOUT, Within, connect_failure, decode_error, disconnection, harmless, holds
from tests.chaos.scene import Scene
from tests.stream.script import JOINED, opening, scripted


@holds(disconnection("The server crashes", "transport"))
async def test_a_server_crash_is_detected_at_once(scene: Scene) -> None:
    async with scene.with_fault():
        await scene.proxy.die()
        await scene.noticed()
        await scene.proxy.listen()


@holds(connect_failure("The server stays down: its port is closed", "unreachable", "cannot be reached"))
async def test_a_server_that_stays_down_has_its_own_reason(scene: Scene) -> None:
    async with scene.with_fault():
        await scene.proxy.die()
        await scene.noticed()
        await scene.proxy.listen()


@holds(disconnection("Half-open connection: no data and no close", "idle", within=Within.SILENCE))
async def test_a_half_open_connection_is_closed(scene: Scene) -> None:
    async with scene.with_fault():
        await scene.rest()
        scene.proxy.is_silent = True
        await scene.noticed()
        scene.proxy.is_silent = False


@holds(disconnection("Half-open connection over polling", "idle", within=Within.SILENCE))
async def test_a_half_open_connection_over_polling_is_closed(scene: Scene) -> None:
    scene.transports = ("polling",)
    async with scene.with_fault():
        await scene.rest()
        scene.proxy.is_silent = True
        await scene.noticed()
        scene.proxy.is_silent = False


@holds(
    connect_failure(
        "The server hangs: it accepts connections and does not answer",
        "timeout",
        "no answer within",
        Within.CONNECT_TIMEOUT,
    )
)
async def test_a_server_that_hangs_in_the_handshake_times_out(scene: Scene) -> None:
    async with scene.with_fault(from_the_start=True):
        scene.proxy.answer = answers.silence
        await scene.start()
        await scene.noticed()
        scene.proxy.answer = None
        scene.proxy.cut()


@holds(harmless("A slow network: delays below `connect_timeout`"))
async def test_a_delay_has_no_effect(scene: Scene) -> None:
    async with scene.with_fault():
        scene.proxy.delay = CONNECT_TIMEOUT / 10
        await scene.charge(0.5)
        await scene.unnoticed()
        scene.proxy.delay = 0.0


@holds(harmless("A network of 20 kB per second"))
async def test_a_slow_network_has_no_effect(scene: Scene) -> None:
    async with scene.with_fault():
        scene.proxy.bytes_per_second = 20_000
        for _ in range(10):
            await scene.charge(0.1)
        await scene.unnoticed()
        scene.proxy.bytes_per_second = float("inf")


@holds(disconnection("Corrupt bytes: not a websocket frame", "transport"))
async def test_bytes_that_are_not_a_frame_end_the_connection(scene: Scene) -> None:
    async with scene.with_fault():
        scene.proxy.corrupt = lambda piece: b"\xff" + piece[1:]
        scene.log()
        await scene.noticed()
        scene.proxy.corrupt = None


@holds(disconnection("Corrupt bytes over polling: not HTTP", "transport"))
async def test_invalid_answers_to_polling_end_the_connection(scene: Scene) -> None:
    scene.transports = ("polling",)
    async with scene.with_fault():
        scene.proxy.corrupt = lambda piece: b"\xff" * 16 if b"newLog" in piece else piece
        scene.log()
        await scene.noticed()
        scene.proxy.corrupt = None


@holds(decode_error("Corrupt bytes within a frame", "other"))
async def test_only_a_frame_that_is_not_a_packet_is_dropped(scene: Scene) -> None:
    async with scene.with_fault():
        scene.proxy.corrupt = lambda piece: piece.replace(b'["newLog"', b"[[[[[[[[[")
        scene.log()
        await scene.noticed()
        scene.proxy.corrupt = None
        assert await scene.counted("vecharge_account_disconnections_total") == 0


@holds(disconnection("A server that always disconnects immediately", "server", "the service closed the stream"))
async def test_a_server_that_always_disconnects_gets_a_growing_backoff(scene: Scene) -> None:
    async with scripted([opening(), JOINED, "41"]) as url, scene.with_fault():
        scene.proxy.upstream_port = int(url.rpartition(":")[2])
        scene.proxy.cut()
        await scene.noticed()
        await scene.until_counted("vecharge_account_disconnections_total", 20)
        # Each is counted; the log has a line at powers of two only.
        assert scene.log_text().count(scene.fault.log) <= 7
        scene.proxy.upstream_port = scene.service.port


@holds(harmless("A proxy rejects websockets; polling works"))
async def test_polling_is_used_if_websockets_are_refused(scene: Scene) -> None:
    async with scene.with_fault():
        scene.service.rules(websocket_status=502)
        scene.service.disconnect(scene.charger)
        await scene.until_counted("vecharge_account_disconnections_total", 1)
        await scene.until_up()
        await scene.charge(0.1)
        assert await scene.counted("vecharge_account_connect_failures_total") == 0
        scene.service.rules(websocket_status=None)
