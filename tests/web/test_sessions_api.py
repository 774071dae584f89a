"""GET /api/v1/sessions."""

import gzip
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from exporter.charger.sessions import RunningSession
from exporter.state.state_file import STATE_FILE
from exporter.state.store import StateStore
from tests.state.listed import DAY, NOON, session, state_with
from tests.web.site import Site

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
PAGE = "/api/v1/sessions"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with the sessions of two chargers."""
    running = RunningSession(36_000, NOON + 2 * DAY, NOON + 2 * DAY, NOON + 2 * DAY, number=3)
    with closing(StateStore.open(tmp_path)) as store:
        store.commit(
            {
                "a": state_with(session(1), session(2, NOON + DAY), current=running, total_joules=108_000),
                "b, ü": state_with(session(7, NOON + DAY)),
            }
        )
    async with Site(state_file=tmp_path / STATE_FILE) as running_site:
        yield running_site


async def get(site: Site, parameters: str = "") -> dict[str, Any]:
    response, body = await site.get(PAGE + parameters)
    assert response.status == 200, body
    assert response.headers["Content-Type"] == "application/json"
    document: dict[str, Any] = json.loads(body)
    return document


def keys(document: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["charger_id"], each["number"]) for each in document["sessions"]]


async def test_all_sessions_are_listed_newest_first(site: Site) -> None:
    document = await get(site)
    assert keys(document) == [("a", 3), ("b, ü", 7), ("a", 2), ("a", 1)]
    assert document.keys() == {"sessions"}
    assert document["sessions"][3] == {
        "charger_id": "a",
        "number": 1,
        "began": "2024-10-04T12:00:00.000Z",
        "ended": "2024-10-04T13:00:00.500Z",
        "energy_joules": 36_000,
        "energy_kwh": 0.01,
        "peak_watts": 7012.25,
        "began_by": "status",
        "ended_by": "document",
        "certain": True,
    }
    assert (document["sessions"][0]["ended"], document["sessions"][0]["peak_watts"]) == (None, None)


@pytest.mark.parametrize("filters", ["", "&charger_id=a&charger_id=b,%20%C3%BC"])
async def test_pages_list_every_session_once(site: Site, filters: str) -> None:
    seen: list[tuple[str, int]] = []
    place = ""
    while True:
        document = await get(site, f"?limit=1{filters}{place}")
        seen += keys(document)
        if "next" not in document:
            break
        place = f"&after={quote(document['next'])}"
    assert seen == [("a", 3), ("b, ü", 7), ("a", 2), ("a", 1)]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("?charger_id=a", [("a", 3), ("a", 2), ("a", 1)]),
        ("?charger_id=unknown", []),
        ("?since=2024-10-05T12:00:00Z", [("a", 3), ("b, ü", 7), ("a", 2)]),
        ("?since=2024-10-05T12:00:00Z&until=2024-10-05T12:00:01Z&charger_id=a", [("a", 2)]),
        ("?since=7d", []),
        ("?limit=0", []),
    ],
)
async def test_filters_select_chargers_and_the_time_at_which_a_session_began(
    site: Site, parameters: str, expected: list[tuple[str, int]]
) -> None:
    assert keys(await get(site, parameters)) == expected


async def test_totals_of_a_filter_are_returned_on_request(site: Site) -> None:
    everything = await get(site, "?limit=0&totals=true")
    assert everything["totals"] == {"sessions": 4, "energy_joules": 4 * 36_000}
    of_one = await get(site, "?limit=0&totals=true&charger_id=a&since=2024-10-05")
    assert of_one["totals"] == {"sessions": 2, "energy_joules": 2 * 36_000}


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ("?limit=1001", "limit must be a number up to 1000"),
        ("?limit=-1", "limit must be a number up to 1000"),
        ("?since=yesterday", "since must be a time such as 2026-11-01T00:00:00Z, or a duration such as 7d"),
        ("?until=", "until must be a time such as 2026-11-01T00:00:00Z, or a duration such as 7d"),
        ("?after=1", "after must be the value of next on the previous page"),
        ("?after=1,9223372036854775808,x", "after must be the value of next on the previous page"),
        ("?charger=a", "unknown parameter: charger"),
    ],
)
async def test_an_invalid_parameter_is_rejected_by_name(site: Site, parameters: str, problem: str) -> None:
    response, body = await site.get(PAGE + parameters)
    assert (response.status, body.decode().strip()) == (400, problem)


async def test_the_list_is_compressed_if_gzip_is_accepted(site: Site) -> None:
    for encoding, expected in (("identity", None), ("gzip", "gzip")):
        response, body = await site.get(PAGE, accept_encoding=encoding)
        assert response.headers.get("Content-Encoding") == expected
        assert json.loads(gzip.decompress(body) if expected else body) == await get(site)


async def test_the_error_of_an_unreadable_state_file_has_no_path(tmp_path: Path) -> None:
    async with Site(state_file=tmp_path / STATE_FILE) as site:
        response, body = await site.get(PAGE)
    assert response.status == 503
    assert "run 'vecharge-exporter sessions' to see why" in body.decode()
    assert str(tmp_path).encode() not in body


async def test_the_error_of_a_damaged_charger_has_no_path(site: Site, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as database:
        database.execute("UPDATE states SET checksum = 0")
        database.commit()
    response, body = await site.get(PAGE)
    assert response.status == 503
    assert "run 'vecharge-exporter sessions' to see why" in body.decode()
    assert str(tmp_path).encode() not in body


async def test_damaged_sessions_are_omitted_and_counted(site: Site, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as database:
        database.execute("UPDATE sessions SET energy_joules = 1 WHERE number = 2")
        database.commit()
    document = await get(site)
    assert keys(document) == [("a", 3), ("b, ü", 7), ("a", 1)]
    assert document["damaged"] is True


@pytest.mark.parametrize(
    "parameters", ["?since=2024-10-05", "?charger_id=a", "?charger_id=a&since=2024-10-05", "?limit=0&totals=true"]
)
async def test_a_missing_session_is_reported(site: Site, tmp_path: Path, parameters: str) -> None:
    assert "damaged" not in await get(site, parameters)
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as database:
        database.execute("DELETE FROM sessions WHERE number = 2")
        database.commit()
    assert (await get(site, parameters))["damaged"] is True


async def test_the_documentation_names_every_field(site: Site) -> None:
    document = await get(site, "?limit=1&totals=true")
    text = DOCUMENT.read_text().partition("## Sessions")[2]
    for field in (*document, *document["sessions"][0], *document["totals"]):
        assert f"`{field}`" in text, field
