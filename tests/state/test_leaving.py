"""A charger that leaves the configuration keeps its total until it returns, also over a restart."""

import random
from collections.abc import AsyncIterator

import pytest

from exporter.charger import clock
from exporter.charger.changes import Changes
from exporter.charger.charger import Charger, KeptState
from exporter.charger.events import Reading
from exporter.charger.meter_state import MeterState
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.sessions import RunningSession
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import Fleet
from exporter.logs import create_log

KEPT = KeptState(
    MeterState(
        total_joules=5000,
        settled_joules=4000,
        sessions=2,
        listed_sessions=2,
        last_session_number=2,
        current=RunningSession(1000, 1.5e9, 1.5e9, 1.5e9, number=2),
    ),
    first_seen_unix=1.5e9,
)


def configuration(*charger_ids: str) -> Config:
    """These chargers, at a service that is not there."""
    chargers = tuple(ChargerConfig(id=charger_id) for charger_id in charger_ids)
    account = AccountConfig(
        name="test", url="http://127.0.0.1:9", token=TokenSource(literal="token"), chargers=chargers
    )
    return Config(accounts=(account,))


@pytest.fixture
def unsaved() -> list[Charger]:
    """The chargers whose state must be written to disk."""
    return []


@pytest.fixture
async def fleet(unsaved: list[Charger]) -> AsyncIterator[Fleet]:
    log = create_log("error", "logfmt")
    fleet = Fleet(ExporterProcess("", "", ""), clock.now, log, random.Random(), changes=Changes(unsaved.append))
    yield fleet
    await fleet.stop()


def charger(fleet: Fleet, charger_id: str) -> Charger:
    return next(one for one in fleet.chargers if one.charger_id == charger_id)


async def test_a_charger_starts_with_its_stored_state(fleet: Fleet) -> None:
    await fleet.reconcile(configuration("a"), {"a": KEPT, "not watched": KEPT})
    assert charger(fleet, "a").kept_state() == KEPT
    assert charger(fleet, "a").committed == KEPT.meter.totals
    assert [one.charger_id for one in fleet.chargers] == ["a"]


async def test_only_a_new_charger_is_unsaved_at_the_start(fleet: Fleet, unsaved: list[Charger]) -> None:
    await fleet.reconcile(configuration("a", "new"), {"a": KEPT})
    assert unsaved == [charger(fleet, "new")]


async def test_a_charger_that_returns_keeps_its_uncommitted_state(fleet: Fleet) -> None:
    """Its last commit may have failed: neither the shown nor the measured total may fall back to that on disk."""
    await fleet.reconcile(configuration("a", "b"), {"a": KEPT})
    left = charger(fleet, "a")
    left.meter.observe(Reading(session_energy_joules=3000, created_unix=1.6e9), 1.6e9)
    await fleet.reconcile(configuration("b"), {"a": KEPT})
    assert [one.charger_id for one in fleet.chargers] == ["b"]
    await fleet.reconcile(configuration("a", "b"), {"a": KEPT})
    assert charger(fleet, "a").meter.total_joules == 7000
    assert charger(fleet, "a").committed == KEPT.meter.totals


async def test_a_charger_that_leaves_repeatedly_has_one_state(fleet: Fleet, unsaved: list[Charger]) -> None:
    """Two objects of one charger would overwrite each other's row."""
    for _ in range(3):
        await fleet.reconcile(configuration("a", "b"), {})
        await fleet.reconcile(configuration("b"), {})
    await fleet.reconcile(configuration("a", "b"), {})
    assert sorted(one.charger_id for one in set(unsaved)) == ["a", "b"]
