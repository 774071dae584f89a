import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import faults
from exporter.simulator.charger import Charger, fleet_charger
from exporter.simulator.faults import CORRUPT, FaultInjector
from exporter.simulator.plan import STEADY, Plan

LIVELY = Plan(session=(60, 1200), idle=(30, 300))


def a_charger(plan: Plan = STEADY) -> Charger:
    return fleet_charger(0, seed=1, plan=plan, epoch=1_700_000_000, log_interval=10)


def test_a_log_is_resent_unchanged() -> None:
    charger = a_charger()
    events = charger.advance(100)

    assert faults.resend(charger, 3) == events[-3:]
    assert faults.resend(charger, 3, newest_first=True) == events[-3:][::-1]


def test_a_blip_is_a_newer_log_with_energy_zero_that_changes_no_total() -> None:
    charger = a_charger()
    events = charger.advance(100)
    before = charger.total_hundredths

    (event,) = faults.blip(charger, 101)

    assert event.payload["energy"] == 0
    assert event.payload["createdAt"] > events[-1].payload["createdAt"]
    assert charger.total_hundredths == before > 0


def test_a_burst_has_true_logs() -> None:
    charger = a_charger()

    events = faults.burst(charger, 100, 30)

    assert len({event.payload["createdAt"] for event in events}) == 30
    assert round(events[-1].payload["energy"] * 100) == charger.total_hundredths


@pytest.mark.parametrize("kind", CORRUPT)
def test_a_corrupt_log_changes_no_total_and_differs_from_a_log(kind: str) -> None:
    charger = a_charger()
    charger.advance(100)
    before = charger.total_hundredths
    true = charger.false_log(100, before)

    (event,) = faults.corrupt(charger, 100, kind)

    assert json.dumps(event.payload) != json.dumps(true.payload | {"createdAt": "any"})
    assert not (isinstance(event.payload, dict) and event.payload["energy"] == true.payload["energy"])
    assert charger.total_hundredths == before


def test_a_dip_is_a_log_a_little_below_the_last() -> None:
    charger = a_charger()
    charger.advance(7200)
    before = charger.total_hundredths

    (event,) = faults.dip(charger, 7200)

    assert 0.9 * before < round(event.payload["energy"] * 100) < before
    assert charger.total_hundredths == before


def test_a_log_of_another_user_has_the_true_energy() -> None:
    charger = a_charger()
    charger.advance(7200)

    (event,) = faults.other_user(charger, 7200)

    assert event.payload["userId"] != charger.user_id
    assert round(event.payload["energy"] * 100) == charger.total_hundredths


def test_the_first_kwh_of_a_session_has_neither_since_both_could_be_a_new_session() -> None:
    charger = a_charger(Plan(charging_at_start=0))
    charger.switch_on(0)
    charger.log(60)

    assert faults.dip(charger, 60) == faults.other_user(charger, 60) == []


def test_a_charger_that_is_off_has_no_log_faults() -> None:
    charger = a_charger(Plan(charging_at_start=0))

    assert faults.blip(charger, 0) == faults.burst(charger, 0) == faults.corrupt(charger, 0, "null") == []


@given(st.integers(0, 2**32))
def test_sessions_are_the_same_with_faults_and_without(seed: int) -> None:
    faultless, faulty = a_charger(LIVELY), a_charger(LIVELY)
    injector = FaultInjector(0.5, Random(seed))

    for now in range(0, 1800, 10):
        faultless.advance(now)
        for event in faulty.advance(now):
            if event.name == "newLog":
                injector.after(faulty, now, logs_on_stream=9)

    assert faulty.tally.sessions == faultless.tally.sessions
    assert faulty.user_id == faultless.user_id


def test_a_blip_does_not_follow_a_connection_at_once() -> None:
    charger = a_charger()
    charger.advance(100)
    injector = FaultInjector(1.0, Random(1))

    young = [event for _ in range(200) for event in injector.after(charger, 100, logs_on_stream=1)]
    old = [event for _ in range(200) for event in injector.after(charger, 100, logs_on_stream=2)]

    def is_blip(payload: object) -> bool:
        return isinstance(payload, dict) and payload.get("energy") == 0

    assert not any(is_blip(event.payload) for event in young)
    assert any(is_blip(event.payload) for event in old)


def test_at_rate_zero_there_are_no_faults() -> None:
    charger = a_charger()
    charger.advance(100)

    assert all(FaultInjector(0.0, Random(n)).after(charger, 100, 9) == [] for n in range(100))
