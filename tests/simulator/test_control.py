"""The vendor's switch and the simulator's own endpoints."""

import pytest

from exporter.simulator import Simulator
from tests.simulator.client import listening
from tests.simulator.conftest import Http


async def test_the_vendors_switch_ends_and_begins_a_session(simulator: Simulator, http: Http) -> None:
    assert await http.switch("sim-0001", "OFF") == 200
    assert (await http.total("sim-0001"))["status"] == "OFF"
    async with listening(simulator, "sim-0001") as (recorder, _):
        assert (await recorder.wait_for("chargerConnected"))["_doc"]["status"] == "OFF"

        assert await http.switch("sim-0001", "ON") == 200

        assert await recorder.wait_for("statusChanged") == {"status": "ON"}
        assert (await recorder.wait_for("newLog"))["energy"] == 0
    assert (await http.total("sim-0001"))["sessions"] == 2


@pytest.mark.parametrize(
    ("charger", "status", "authorization", "answer"),
    [
        ("sim-0001", "OFF", "Bearer wrong", 401),
        ("sim-9999", "OFF", None, 404),
        ("sim-0001", "DIM", None, 400),
    ],
)
async def test_the_vendors_switch_refuses_a_wrong_token_charger_or_status(
    http: Http, charger: str, status: str, authorization: str | None, answer: int
) -> None:
    assert await http.switch(charger, status, authorization=authorization) == answer
    assert (await http.total("sim-0001"))["status"] == "ON"


async def test_an_offline_charger_cannot_be_switched(http: Http) -> None:
    await http.act("sim-0001", "offline")

    assert await http.switch("sim-0001", "OFF") == 409


async def test_a_charger_goes_offline_and_comes_back(simulator: Simulator, http: Http) -> None:
    async with listening(simulator, "sim-0001") as (recorder, _):
        await recorder.wait_for("chargerConnected")
        await http.act("sim-0001", "offline")
        await recorder.wait_for("chargerDisconnected")
        assert not (await http.total("sim-0001"))["wifi"]
        logs = len(recorder.payloads("newLog"))

        await http.act("sim-0001", "online")

        document = await recorder.wait_for("chargerConnected", 2)
        assert document["_doc"]["wifiConnectivity"] is True
        await recorder.wait_for("newLog", logs + 1)


async def test_all_chargers_can_be_paused_and_advanced_log_by_log(simulator: Simulator, http: Http) -> None:
    await http.act("all", "pause")
    before = await http.get("/simulator/totals")
    async with listening(simulator, "sim-0001") as (recorder, _):
        await recorder.wait_for("chargerConnected")

        await http.act("sim-0001", "log")
        await recorder.wait_for("newLog")

        after = await http.get("/simulator/totals")
    assert all(row["paused"] for row in after["chargers"])
    assert [row["logs"] for row in after["chargers"]] == [
        row["logs"] + (row["id"] == "sim-0001") for row in before["chargers"]
    ]
    assert [row["total_kwh"] for row in after["chargers"][1:]] == [row["total_kwh"] for row in before["chargers"][1:]]


async def test_every_fault_reaches_the_stream(simulator: Simulator, http: Http) -> None:
    await http.act("all", "pause")
    async with listening(simulator, "sim-0001") as (recorder, _):
        await recorder.wait_for("chargerConnected")
        await http.act("sim-0001", "burst", count=3)
        await http.act("sim-0001", "resend", count=2, newest_first=True)
        await http.act("sim-0001", "blip")
        await http.act("sim-0001", "corrupt", kind="number")
        await http.act("sim-0001", "send", event="somethingNew", payload={"of": "tomorrow"})
        await recorder.wait_for("somethingNew")

        logs = recorder.payloads("newLog")
        assert logs[3:5] == [logs[2], logs[1]]
        assert logs[5]["energy"] == 0
        assert logs[6:] == [42]
        assert recorder.payloads("somethingNew") == [{"of": "tomorrow"}]


async def test_a_document_can_be_made_to_claim_no_energy(simulator: Simulator, http: Http) -> None:
    await http.act("sim-0001", "document", energy="zero")

    async with listening(simulator, "sim-0001") as (recorder, _):
        assert (await recorder.wait_for("chargerConnected"))["_doc"]["energy"] == 0
        assert (await recorder.wait_for("newLog"))["energy"] > 0


async def test_tokens_are_revoked_restored_and_rotated(simulator: Simulator, http: Http) -> None:
    old = simulator.token

    await http.post("/simulator/token/revoke")
    assert await http.switch("sim-0001", "OFF") == 401
    await http.post("/simulator/token/restore")
    assert await http.switch("sim-0001", "OFF") == 200
    answer = await http.post("/simulator/token/rotate")

    assert answer == await http.get("/simulator/token") == {"token": simulator.token}
    assert simulator.token != old
    assert await http.switch("sim-0001", "ON", authorization=f"Bearer {old}") == 401


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/simulator/chargers/sim-9999/on", b"", 404),
        ("/simulator/chargers/sim-0001/explode", b"", 404),
        ("/simulator/chargers/sim-0001/corrupt", b"{}", 400),
        ("/simulator/chargers/sim-0001/corrupt", b'{"kind": "unknown"}', 400),
        ("/simulator/chargers/sim-0001/document", b'{"energy": "none"}', 400),
        ("/simulator/chargers/sim-0001/burst", b"[]", 400),
        ("/simulator/chargers/sim-0001/burst", b"{", 400),
        ("/simulator/token/forge", b"", 404),
        ("/simulator/restart", b'{"seconds": "soon"}', 400),
    ],
)
async def test_an_invalid_request_is_an_error(http: Http, path: str, body: bytes, answer: int) -> None:
    assert await http.status("POST", path, data=body) == answer
