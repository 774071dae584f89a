import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.charger import NEVER, Charger, DocumentEnergy, Event, fleet_charger
from exporter.simulator.plan import STEADY, Plan

EPOCH = 1_700_000_000.0
HOUR = 3600.0
# Short sessions and pauses, so that a few simulated hours have many sessions and outages.
LIVELY = Plan(session=(60, 1200), idle=(30, 300), weak_wifi_one_in=1, wifi_holds=(300, 900), wifi_outage=(30, 300))
IDLE = Plan(charging_at_start=0, idle=(1e6, 1e6), weak_wifi_one_in=0)

seeds = st.integers(0, 2**32)


def a_charger(plan: Plan, *, seed: int = 1, index: int = 0, log_interval: float = 10) -> Charger:
    return fleet_charger(index, seed=seed, plan=plan, epoch=EPOCH, log_interval=log_interval)


def logs(events: list[Event]) -> list[dict[str, Any]]:
    return [event.payload for event in events if event.name == "newLog"]


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


def hundredths(log: dict[str, Any]) -> int:
    energy: float = log["energy"]
    return round(energy * 100)


@given(seeds)
def test_energy_never_falls_within_a_session(seed: int) -> None:
    events = a_charger(LIVELY, seed=seed).advance(HOUR)

    for _, session in itertools.groupby(logs(events), key=lambda log: log["userId"]):
        energies = [hundredths(log) for log in session]
        assert energies == sorted(energies)


@given(seeds, st.floats(0, HOUR))
def test_the_true_total_is_the_sum_of_the_last_energy_of_every_session(seed: int, end: float) -> None:
    charger = a_charger(LIVELY, seed=seed)
    document = charger.document()
    # The session that runs at the start may end before its next log: then its last energy was in the document.
    last = {document["_doc"]["currentUser"]: hundredths(document)}

    last |= {log["userId"]: hundredths(log) for log in logs(charger.advance(end))}

    assert charger.total_hundredths == sum(last.values())


@given(seeds, st.lists(st.floats(0, HOUR), max_size=20))
def test_the_same_seed_gives_the_same_events_at_any_time(seed: int, instants: list[float]) -> None:
    at_once, in_steps = a_charger(LIVELY, seed=seed), a_charger(LIVELY, seed=seed)

    events = list(itertools.chain.from_iterable(in_steps.advance(at) for at in [*sorted(instants), HOUR]))

    assert events == at_once.advance(HOUR)
    assert in_steps.total_hundredths == at_once.total_hundredths


def test_another_seed_gives_other_events() -> None:
    assert a_charger(LIVELY, seed=1).advance(HOUR) != a_charger(LIVELY, seed=2).advance(HOUR)


@given(seeds)
def test_logs_are_in_order_and_have_different_times(seed: int) -> None:
    charger = a_charger(LIVELY, seed=seed)
    burst = [charger.log(5.0).payload for _ in range(50)] if charger.session else []

    times = [log["createdAt"] for log in burst + logs(charger.advance(HOUR))]

    assert times == sorted(set(times))


@given(seeds)
def test_the_energy_is_the_integral_of_the_power(seed: int) -> None:
    events = a_charger(IDLE, seed=seed).switch_on(0)
    charger = a_charger(IDLE, seed=seed)
    charger.switch_on(0)

    sent = logs(charger.advance(15 * 60))

    assert names(events) == ["statusChanged"]
    joules = sum(10 * float(log["power"]) for log in sent)
    # One reading's energy is less certain than the rest: the sum of rectangles against the trapezoids.
    assert hundredths(sent[-1]) * 36_000 == pytest.approx(joules, abs=36_000 + 10 * 7400)


def test_a_session_begins_with_a_change_of_status_and_a_log_without_energy() -> None:
    charger = a_charger(IDLE)

    events = charger.switch_on(5) + charger.advance(5)

    assert names(events) == ["statusChanged", "newLog"]
    assert events[0].payload == {"status": "ON"}
    assert events[1].payload["energy"] == 0


def test_a_session_ends_with_off_and_a_disconnect() -> None:
    charger = a_charger(STEADY)

    (event,) = charger.switch_off(100)

    assert event == Event("statusChanged", {"status": "OFF"}, then_disconnect=True)
    assert charger.status == "OFF"


def test_logs_are_sent_at_the_interval_while_on_only() -> None:
    charger = a_charger(STEADY, log_interval=5)

    assert len(logs(charger.advance(99.99))) == 20
    charger.switch_off(100)
    assert charger.advance(HOUR / 10) == []


def test_a_charger_that_is_off_has_no_current_and_the_last_energy_as_previous() -> None:
    charger = a_charger(STEADY)
    charger.advance(HOUR)
    energy = charger.document()["energy"]

    charger.switch_off(HOUR)
    document = charger.document()["_doc"]

    assert (document["status"], document["voltage"], document["current"], document["power"]) == ("OFF", 0, 0, 0)
    assert (document["energy"], document["prev_energy"]) == (0, energy)


def test_every_session_has_its_own_user_who_is_in_the_document() -> None:
    charger = a_charger(IDLE)
    users = set()
    for start in (0, 100, 200):
        charger.switch_on(start)
        users.add(charger.document()["_doc"]["currentUser"])
        charger.switch_off(start + 50)

    assert len(users) == 3


def test_switching_to_the_present_status_changes_nothing() -> None:
    charger = a_charger(STEADY)
    assert charger.switch_on(1) == []
    charger.switch_off(2)
    assert charger.switch_off(3) == []
    assert charger.tally.sessions == 1


def test_events_during_a_wifi_outage_are_sent_afterwards() -> None:
    charger = a_charger(STEADY)
    charger.advance(60)
    before = charger.total_hundredths

    assert names(charger.lose_wifi(60, seconds=NEVER)) == ["chargerDisconnected"]
    assert charger.advance(HOUR) == []
    assert charger.document()["_doc"]["wifiConnectivity"] is False
    assert charger.total_hundredths == before
    back = charger.regain_wifi(HOUR) + charger.advance(HOUR)

    assert names(back) == ["chargerConnected", "newLog"]
    assert back[0].payload["_doc"]["wifiConnectivity"] is True
    assert back[0].payload["_doc"]["connectedTimestamp"] == "2023-11-14T23:13:20.000Z"
    assert hundredths(back[1].payload) > before + 100


def test_a_session_that_ends_while_the_wifi_is_down_is_reported_in_full() -> None:
    charger = a_charger(IDLE)
    charger.switch_on(0)
    charger.advance(60)
    charger.lose_wifi(60, seconds=NEVER)
    charger.advance(5 * HOUR)

    events = charger.regain_wifi(5 * HOUR) + charger.advance(5 * HOUR)

    assert names(events) == ["chargerConnected", "newLog", "statusChanged"]
    assert charger.total_hundredths == hundredths(events[1].payload) > 0


def test_an_outage_of_a_given_length_ends_by_itself() -> None:
    charger = a_charger(STEADY)
    charger.advance(60)
    charger.lose_wifi(60, seconds=30)

    assert names(charger.advance(90)) == ["chargerConnected", "newLog"]


def test_while_paused_nothing_changes() -> None:
    charger = a_charger(LIVELY)
    charger.advance(100)
    before = charger.total_hundredths

    charger.pause()

    assert charger.advance(10 * HOUR) == []
    assert charger.total_hundredths == before


def test_one_log_after_a_pause_has_the_energy_of_the_pause() -> None:
    charger = a_charger(STEADY)
    charger.advance(60)
    before = charger.total_hundredths
    charger.pause()

    charger.resume(HOUR)

    assert names(charger.advance(HOUR)) == ["newLog"]
    assert charger.total_hundredths > before + 100


def test_half_of_a_fleet_starts_during_a_session_whose_energy_counts() -> None:
    fleet = [a_charger(Plan(), index=index) for index in range(12)]
    charging = [charger for charger in fleet if charger.session]

    assert len(charging) == 6
    assert all(charger.document()["energy"] > 0 for charger in charging)
    assert all(charger.total_hundredths == hundredths(charger.document()) for charger in fleet)


def test_one_charger_in_twelve_has_a_weak_wifi() -> None:
    fleet = [a_charger(Plan(), index=index, log_interval=HOUR) for index in range(12)]
    day = [names(charger.advance(24 * HOUR)) for charger in fleet]

    assert sum("chargerDisconnected" in events for events in day) == 1


def test_the_chargers_of_a_fleet_are_independent() -> None:
    assert a_charger(LIVELY, index=3).advance(HOUR) != a_charger(LIVELY, index=4).advance(HOUR)


@pytest.mark.parametrize(("claim", "expected"), [("true", "last"), ("zero", "zero"), ("stale", "older")])
def test_a_document_during_a_session_can_have_another_energy(claim: str, expected: str) -> None:
    charger = a_charger(STEADY)
    sent = logs(charger.advance(HOUR))
    energies = {"last": sent[-1]["energy"], "zero": 0, "older": sent[-12]["energy"]}

    charger.document_energy = DocumentEnergy(claim)

    assert charger.document()["energy"] == charger.document()["_doc"]["energy"] == energies[expected]


def test_a_charger_that_is_off_has_no_logs() -> None:
    with pytest.raises(ValueError, match="the charger is off"):
        a_charger(IDLE).log(0)
