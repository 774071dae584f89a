"""GET /api/v1/chargers."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment, now
from exporter.charger.events import Connected, ConnectFailed, Disconnected, Disconnection
from exporter.charger.wire import decode
from exporter.errors import ConnectFailure
from exporter.web import api
from exporter.web.problem import problem_of
from tests.charger.saving import save
from tests.web.site import SECRET, Site
from tests.web.turns import turns_during

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
PERSONAL = {"currentUser": "SecretUser", "userId": "SecretUser", "chargerPrivateUsers": ["+911234509876"]}
LOG = {"voltage": "230.00", "current": "7.00", "power": "1577.80", "energy": "0.50", **PERSONAL}
WHEN = {"createdAt": "2022-01-10T13:57:59.124Z"}
ON = decode("chargerConnected", ({"_doc": {"status": "ON", "energy": 0.25, "address": "SecretAddress", **PERSONAL}},))
OFF = decode("chargerConnected", ({"_doc": {"status": "OFF"}},))
READING = decode("newLog", ({**LOG, **WHEN},))


@pytest.fixture
async def fleet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """A site with two chargers, whose document is not shared between requests."""
    monkeypatch.setattr(api, "SHARED_SECONDS", 0.0)
    async with Site([("test", "Rohini Sector 22"), ("other", None)]) as running:
        yield running


async def chargers(site: Site) -> dict[str, dict[str, Any]]:
    """The chargers of the document, by their id."""
    response, body = await site.get("/api/v1/chargers")
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    return {charger["charger_id"]: charger for charger in json.loads(body)["chargers"]}


async def test_an_unknown_charger_has_few_fields(fleet: Site) -> None:
    assert (await chargers(fleet))["other"] == {
        "charger_id": "other",
        "account": "delhi",
        "status": "unknown",
        "up": False,
        "stream_connected": False,
        "problem": "not connected yet: waiting for its turn to connect",
    }


async def test_values_have_the_units_of_the_metrics(fleet: Site) -> None:
    charger = fleet.deliver("test", Connected(), ON, READING)
    assert charger.session_start_unix is not None
    assert (await chargers(fleet))["test"] == {
        "charger_id": "test",
        "account": "delhi",
        "name": "Rohini Sector 22",
        "status": "on",
        "up": True,
        "voltage_volts": 230.0,
        "current_amperes": 7.0,
        "power_watts": 1577.8,
        "session_energy_joules": 1_800_000.0,
        "session_start_timestamp_seconds": charger.session_start_unix,
        "last_log_timestamp_seconds": 1641823079.124,
        "stream_connected": True,
    }


async def test_the_total_is_the_committed_total(fleet: Site) -> None:
    charger = fleet.deliver("test", Connected(), ON, READING)
    assert "energy_joules_total" not in (await chargers(fleet))["test"]
    save(charger)
    assert (await chargers(fleet))["test"]["energy_joules_total"] == 1_800_000.0


async def test_the_document_has_the_time_of_its_data(fleet: Site) -> None:
    _, body = await fleet.get("/api/v1/chargers")
    assert json.loads(body)["timestamp_seconds"] > 1.6e9


async def test_the_document_has_neither_secrets_nor_personal_data(fleet: Site) -> None:
    fleet.deliver("test", Connected(), ON, READING)
    for path in ("/api/v1/chargers", "/"):
        _, body = await fleet.get(path)
        assert not re.search(rf"SecretUser|1234509876|SecretAddress|{SECRET}", body.decode())


async def test_requests_within_a_second_share_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Charger] = []
    make = api.charger_document

    def counted(charger: Charger, now: Moment) -> dict[str, Any]:
        made.append(charger)
        return make(charger, now)

    monkeypatch.setattr(api, "charger_document", counted)
    monkeypatch.setattr(api, "SHARED_SECONDS", 3600.0)
    async with Site([("test", None)]) as site:
        for encoding in ("gzip", "identity", "gzip"):
            await site.get("/api/v1/chargers", Accept_Encoding=encoding)
    assert len(made) == 1


async def test_a_large_document_does_not_block_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "CHARGERS_PER_SLICE", 2)
    async with Site([(f"c{number}", None) for number in range(5)]) as site:
        document = api.ChargersDocument(lambda: site.fleet.chargers, now)
        pieces, turns = await turns_during(document.body())
        body = json.loads(b"".join(pieces))
        assert turns >= 3  # five chargers are three slices
        assert [charger["charger_id"] for charger in body["chargers"]] == [f"c{number}" for number in range(5)]


async def test_a_client_that_disconnects_does_not_cancel_the_document() -> None:
    async with Site([("test", None)]) as site:
        document = api.ChargersDocument(lambda: site.fleet.chargers, now)
        for encoding in ("identity", "gzip"):
            leaving, other = (asyncio.create_task(document.body(encoding)) for _ in range(2))
            await asyncio.sleep(0)
            leaving.cancel()
            assert await other


async def test_a_fleet_without_chargers_has_an_empty_document() -> None:
    async with Site() as site:
        assert await chargers(site) == {}


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file")], "TLS failed: check ca_file"),
        ([Connected()], "connected, but the service has sent nothing yet"),
        ([Connected(), OFF], None),
        (
            [Connected(), ON, Disconnected(Disconnection.TRANSPORT), Connected()],
            "connected, but the service has sent nothing yet",
        ),
        (
            [Connected(), decode("chargerDisconnected", ()), Disconnected(Disconnection.TRANSPORT), Connected()],
            "connected, but the service has sent nothing yet",
        ),
        ([Connected(), OFF, Disconnected(Disconnection.SERVER)], "the stream has ended: reconnecting"),
        (
            [Connected(), ON, decode("chargerDisconnected", ())],
            "the charger lost its connection to the service: check its Wi-Fi",
        ),
        ([ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"), Connected(), OFF], None),
    ],
)
async def test_the_problem_says_why_a_charger_cannot_be_reached(fleet: Site, events: Any, problem: str | None) -> None:
    fleet.deliver("test", *events)
    shown = (await chargers(fleet))["test"].get("problem")
    assert shown is None if problem is None else shown is not None and shown.startswith(problem)


async def test_a_charger_that_is_on_and_sends_nothing_has_a_problem() -> None:
    async with Site([("test", None)]) as site:
        charger = site.deliver("test", Connected(), ON, READING)
        later = now()._replace(monotonic=now().monotonic + 3600)
        problem = "the charger is on, but its readings have stopped: check its Wi-Fi and power"
        assert problem_of(charger, later) == problem


def test_the_reference_names_every_field() -> None:
    section, _, _ = DOCUMENT.read_text().partition("\n## Sessions\n")
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert documented == ["charger_id", "account", "name", "status", *api.FIELDS, "problem"]
