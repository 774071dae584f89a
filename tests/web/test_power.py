"""GET /api/v1/power: the power of the last minutes."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from exporter.charger.clock import now
from exporter.web import power
from exporter.web.power_history import RecentPower
from tests.web.site import Site

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


async def document(site: Site, **headers: str) -> dict[str, Any]:
    response, body = await site.get("/api/v1/power", **headers)
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    if response.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_whole_watts_at_each_of_the_times_and_null_where_they_were_not_known(encoding: str) -> None:
    async with Site([("test", None), ("silent", None)]) as site:
        await site.drew("test", 1577.8, None, 0.0, 1e300)
        found = await document(site, Accept_Encoding=encoding)
        assert found["power_watts"] == {"test": [1578, None, 0, None]}, "of the silent one nothing is known"
        ages = [found["timestamp_seconds"] - seconds for seconds in found["times_seconds"]]
        assert ages == pytest.approx([15.0, 10.0, 5.0, 0.0], abs=1.0)


async def test_before_the_first_sample_it_is_empty(site: Site) -> None:
    found = await document(site)
    assert (found["times_seconds"], found["power_watts"]) == ([], {})


async def test_all_who_look_within_a_second_share_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "SHARED_SECONDS", 3600.0)
    async with Site([("test", None)]) as site:
        made = 0
        make = site.power.recent

        def counted(moment: Any) -> RecentPower:
            nonlocal made
            made += 1
            return make(moment)

        monkeypatch.setattr(site.power, "recent", counted)
        for encoding in ("gzip", "identity", "gzip"):
            await document(site, Accept_Encoding=encoding)
        assert made == 1


async def test_who_looks_later_sees_later_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "SHARED_SECONDS", 0.0)
    async with Site([("test", None)]) as site:
        await site.drew("test", 1000.0)
        before = await document(site)
        await site.drew("test", 2000.0)
        assert (await document(site))["power_watts"] == {"test": [1000, 2000]}
        assert before["power_watts"] == {"test": [1000]}
        assert (await document(site))["timestamp_seconds"] <= now().unix


async def test_the_reference_names_every_field(site: Site) -> None:
    _, _, section = DOCUMENT.read_text().partition("`GET /api/v1/power`")
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(await document(site))
