"""The service as a client of python-socketio sees it: it behaves as the JavaScript server."""

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
import engineio
import pytest

from exporter.simulator import STEADY, Simulator, SimulatorOptions
from tests.certificates import Authority
from tests.simulator.client import DEADLINE_SECONDS, Recorder, listening
from tests.simulator.conftest import Http, no_server_task

TRANSPORTS = [("websocket",), ("polling",), ("polling", "websocket")]
BY_TRANSPORT = pytest.mark.parametrize("transports", TRANSPORTS, ids=["websocket", "polling", "upgrade"])
REFUSED = "Authentication error"
ENGINE_3 = pytest.mark.skipif(
    not hasattr(engineio, "asyncio_server"),
    reason="python-socketio 5 is installed, whose Engine.IO 4 has other frames",
)


@BY_TRANSPORT
async def test_a_new_connection_gets_the_document_and_then_every_log(
    simulator: Simulator, transports: tuple[str, ...]
) -> None:
    async with listening(simulator, "sim-0001", transports=transports) as (recorder, _):
        await recorder.wait_for("newLog", 3)

        names = [name for name, _ in recorder.events]
        assert "connect" in names
        assert next(name for name in names if name != "connect") == "chargerConnected"
        assert recorder.payloads("chargerConnected")[0]["_doc"]["_id"] == "sim-0001"
        assert {log["chargerId"] for log in recorder.payloads("newLog")} == {"sim-0001"}


@BY_TRANSPORT
async def test_off_is_sent_before_the_namespace_disconnects(
    simulator: Simulator, http: Http, transports: tuple[str, ...]
) -> None:
    async with listening(simulator, "sim-0001", transports=transports) as (recorder, _):
        await recorder.wait_for("chargerConnected")
        await http.act("sim-0001", "off")
        await recorder.wait_for("disconnect")

        sent = [name for name, _ in recorder.events if name not in ("newLog", "connect")]
        assert sent[:3] == ["chargerConnected", "statusChanged", "disconnect"]
        assert recorder.payloads("statusChanged") == [{"status": "OFF"}]
        assert not (await http.total("sim-0001"))["connected"]


@pytest.mark.parametrize(
    ("charger", "token", "why"),
    [("sim-0001", "wrong", REFUSED), ("sim-9999", None, "Charger not found")],
    ids=["token", "charger"],
)
@BY_TRANSPORT
async def test_a_refusal_is_an_error_of_the_namespace_without_a_connection(
    simulator: Simulator, charger: str, token: str | None, why: str, transports: tuple[str, ...]
) -> None:
    async with listening(simulator, charger, token=token, transports=transports) as (recorder, _):
        refusal = await recorder.wait_for("connect_error")

        assert refusal in (why, {"message": why})
        assert "connect" not in [name for name, _ in recorder.events]


@ENGINE_3
async def test_a_stream_has_the_frames_of_node_and_a_disconnect_keeps_the_transport(
    simulator: Simulator, http: Http
) -> None:
    await http.act("all", "pause")
    async with frames(simulator, simulator.token) as websocket:
        assert (await websocket.receive_str()).startswith('0{"sid":')
        assert await websocket.receive_str() == "40"
        assert (await websocket.receive_str()).startswith('42["chargerConnected",')
        await http.act("sim-0001", "off")
        assert '"OFF' in (await websocket.receive_str()).replace("\\", "")
        assert await websocket.receive_str() == "41"
        await assert_open(websocket)


@ENGINE_3
async def test_a_refusal_has_the_frames_of_node_and_keeps_the_transport(simulator: Simulator) -> None:
    async with frames(simulator, "wrong") as websocket:
        assert (await websocket.receive_str()).startswith('0{"sid":')
        assert await websocket.receive_str() == '44"Authentication error"'
        await assert_open(websocket)


@ENGINE_3
async def test_a_client_may_leave_the_namespace_and_keep_its_transport(simulator: Simulator, http: Http) -> None:
    async with frames(simulator, simulator.token) as websocket:
        while not (await websocket.receive_str()).startswith('42["chargerConnected"'):
            pass
        await http.act("all", "pause")
        await websocket.send_str("41")
        await http.until_unheard("sim-0001")
        await websocket.send_str("2")
        while (frame := await websocket.receive_str()) != "3":
            assert frame.startswith('42["newLog"'), "only what was sent before the client left"


@contextlib.asynccontextmanager
async def frames(simulator: Simulator, token: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """The bare websocket of Engine.IO 3 for the first charger."""
    query = {"token": f"Bearer {token}", "chargerId": "sim-0001", "EIO": "3", "transport": "websocket"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{simulator.url}/socket.io/?{urlencode(query)}") as websocket,
        asyncio.timeout(DEADLINE_SECONDS),
    ):
        yield websocket


async def assert_open(websocket: aiohttp.ClientWebSocketResponse) -> None:
    """The transport is open: a ping is answered."""
    await websocket.send_str("2")
    assert await websocket.receive_str() == "3"


async def test_a_second_connection_to_a_charger_gets_the_error_and_is_disconnected(
    simulator: Simulator, http: Http
) -> None:
    async with listening(simulator, "sim-0001") as (first, _):
        await first.wait_for("chargerConnected")
        async with listening(simulator, "sim-0001") as (second, _):
            await second.wait_for("disconnect")

            assert second.payloads("error") == ["Charger already connected to other device"]
            assert second.payloads("chargerConnected") == []
        logs = len(first.payloads("newLog"))
        await first.wait_for("newLog", logs + 1)
        assert (await http.total("sim-0001"))["connected"]


@BY_TRANSPORT
async def test_a_disconnected_client_frees_its_connection(
    simulator: Simulator, http: Http, transports: tuple[str, ...]
) -> None:
    for _ in range(2):
        async with listening(simulator, "sim-0001", transports=transports) as (recorder, _):
            await recorder.wait_for("chargerConnected")
        await http.until_unheard("sim-0001")


@ENGINE_3
async def test_a_client_that_leaves_before_the_answer_causes_no_error(
    simulator: Simulator, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    account = {"token": f"Bearer {simulator.token}", "chargerId": "sim-0001"}
    query = urlencode({"EIO": 3, "transport": "websocket"} | account)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    head = "".join(f"{name}: {value}\r\n" for name, value in upgrade.items())
    host, _, port = simulator.url.removeprefix("http://").rpartition(":")
    for _ in range(50):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /socket.io/?{query} HTTP/1.1\r\nHost: {host}\r\n{head}"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        writer.transport.abort()
    await http.until_unheard("sim-0001")
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("payloads", "kinds"), [("text", [{str}] * 4), ("object", [{dict}] * 4), ("mixed", [{str}, {dict}])]
)
async def test_payloads_are_text_objects_or_one_kind_per_charger(
    payloads: Literal["text", "object", "mixed"], kinds: list[set[type]]
) -> None:
    found = []
    async with Simulator(SimulatorOptions(chargers=4, speed=60, seed=1, payloads=payloads, plan=STEADY)) as simulator:
        for charger in simulator.charger_ids:
            async with listening(simulator, charger) as (recorder, _):
                await recorder.wait_for("newLog", 2)
                found.append(
                    {type(payload) for name, payload in recorder.events if name in ("chargerConnected", "newLog")}
                )
    if payloads == "mixed":
        assert all(kind in found for kind in kinds)
        assert all(len(kind) == 1 for kind in found)
    else:
        assert found == kinds


@BY_TRANSPORT
async def test_a_simulator_with_a_certificate_is_served_over_tls(tmp_path: Path, transports: tuple[str, ...]) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    options = SimulatorOptions(chargers=1, speed=60, plan=STEADY, tls_cert=certificate, tls_key=key)
    async with Simulator(options) as simulator:
        assert simulator.url.startswith("https://127.0.0.1:")
        async with listening(simulator, "sim-0001", transports=transports, tls=authority.trusting()) as (recorder, _):
            await recorder.wait_for("newLog", 2)


@BY_TRANSPORT
async def test_a_dropped_transport_ends_without_a_disconnect(
    simulator: Simulator, http: Http, transports: tuple[str, ...]
) -> None:
    async with listening(simulator, "sim-0001", transports=transports) as (recorder, client):
        await recorder.wait_for("chargerConnected")
        await http.act("sim-0001", "drop")
        await http.until_unheard("sim-0001")
        # Over polling the library may end its transport without an event: its read loop is what always ends.
        await asyncio.wait_for(client.eio.read_loop_task, DEADLINE_SECONDS)

        assert recorder.payloads("statusChanged") == []


async def test_a_restart_breaks_every_connection_and_keeps_the_chargers(simulator: Simulator, http: Http) -> None:
    async with listening(simulator, "sim-0001") as (recorder, _):
        before = await recorder.wait_for("newLog")
        await http.post("/simulator/restart", seconds=0.2)
        await recorder.wait_for("disconnect")

    back = await reconnected(simulator, "sim-0001")

    assert back["energy"] >= before["energy"]
    assert back["currentUser"] == before["userId"]


@pytest.mark.parametrize("turns", range(4))
async def test_a_stop_closes_a_connection_that_was_just_accepted(turns: int) -> None:
    with gc_paused():
        async with Simulator(SimulatorOptions(chargers=1, plan=STEADY)) as simulator:
            address = simulator.url.removeprefix("http://").split(":")
            client = socket.create_connection((address[0], int(address[1])))
            for _ in range(turns):
                await asyncio.sleep(0)
        with client, contextlib.suppress(ConnectionResetError):
            client.settimeout(DEADLINE_SECONDS)
            assert client.recv(1) == b""


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the garbage collector from closing a forgotten connection."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def reconnected(simulator: Simulator, charger: str) -> dict[str, Any]:
    """The document, once the service can be reached again."""
    async with asyncio.timeout(10):
        while True:
            async with listening(simulator, charger) as (recorder, client):
                if client.eio.state == "connected" or client.connected:
                    document: dict[str, Any] = (await recorder.wait_for("chargerConnected"))["_doc"]
                    return document
            await asyncio.sleep(0.05)


@BY_TRANSPORT
async def test_a_stop_with_clients_connected_is_clean_and_quick(
    transports: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    simulator = Simulator(SimulatorOptions(chargers=1, seed=1, plan=STEADY))
    await simulator.start()
    async with listening(simulator, "sim-0001", transports=transports) as (recorder, _):
        await recorder.wait_for("chargerConnected")
        async with asyncio.timeout(2):
            await simulator.stop()

    await no_server_task()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info]


async def test_neither_token_nor_payload_is_ever_logged(
    simulator: Simulator, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with listening(simulator, "sim-0001", transports=("polling",)) as (recorder, _):
            await recorder.wait_for("newLog", 2)
            user = recorder.payloads("newLog")[0]["userId"]
        await http.until_unheard("sim-0001")

    # The client library logs everything; its lines are not the simulator's.
    records = [record for record in caplog.records if not record.name.endswith(".client")]
    logged = "\n".join(record.getMessage() for record in records)
    assert "Bearer" not in logged
    assert simulator.token not in logged
    assert user not in logged


async def test_the_sum_of_a_client_is_the_total_of_the_simulator(http: Http, simulator: Simulator) -> None:
    last: dict[str, float] = {}

    def learn(recorder: Recorder) -> None:
        for payload in recorder.payloads("newLog"):
            last[payload["userId"]] = payload["energy"]

    for _ in range(3):
        async with listening(simulator, "sim-0001") as (recorder, _):
            document = (await recorder.wait_for("chargerConnected"))["_doc"]
            if document["status"] == "ON":
                last.setdefault(document["currentUser"], document["energy"])
            else:
                await http.act("sim-0001", "on")
            await recorder.wait_for("newLog", 5)
            await http.act("sim-0001", "off")
            await recorder.wait_for("disconnect")
            learn(recorder)
        await http.until_unheard("sim-0001")
    row = await http.total("sim-0001")

    assert row["sessions"] == len(last) == 3
    assert row["total_kwh"] == pytest.approx(sum(last.values()), abs=1e-9)
