"""Sessions that can no longer be revised: each is stored once, and counted after it is on disk."""

import pytest

from tests.charger.watched import KWH, Watched


def charge(charger: Watched, kwh: float, hours: int = 2) -> None:
    """A session at 7 kW from ON to OFF, and an idle hour."""
    charger.switch("ON")
    for minute in range(0, hours * 60 + 1, 10):
        charger.log(energy=round(kwh * minute / (hours * 60), 2))
        charger.wait(600)
    charger.switch("OFF")
    charger.wait(3600)


@pytest.fixture
def charger() -> Watched:
    charger = Watched()
    charger.connect()
    charger.document()
    return charger


def settled(charger: Watched) -> list[int]:
    return [session.number for session in charger.charger.kept_state().sessions]


def test_a_session_is_settled_when_the_second_session_after_it_begins(charger: Watched) -> None:
    charge(charger, 10)
    charge(charger, 11)
    assert settled(charger) == []
    charge(charger, 12)
    assert settled(charger) == [1]
    charge(charger, 13)
    assert settled(charger) == [1, 2]


def test_a_settled_session_is_part_of_each_commit_until_it_is_on_disk(charger: Watched) -> None:
    for kwh in (10, 11, 12):
        charge(charger, kwh)
    written = charger.charger.kept_state()
    charge(charger, 13)
    charger.charger.saved(written.meter.totals, written.sessions)
    assert settled(charger) == [2]
    charger.commit()
    assert settled(charger) == []


def test_counter_and_session_list_agree_at_every_commit(charger: Watched) -> None:
    listed = 0
    for kwh in (10, 11, 12, 13):
        charge(charger, kwh)
        state = charger.charger.kept_state()
        listed += sum(session.energy_joules for session in state.sessions)
        charger.charger.saved(state.meter.totals, state.sessions)
        revisable = sum(session.energy_joules for session in charger.charger.meter.list.revisable())
        assert state.meter.settled_joules == listed
        assert state.meter.total_joules == listed + revisable


def test_a_settled_session_is_counted_once_by_energy_and_duration(charger: Watched) -> None:
    for kwh in (4, 11, 12):
        charge(charger, kwh)
    assert charger.account.session_energy_joules.sum == 0
    charger.commit()
    charger.commit()
    energy, duration = charger.account.session_energy_joules, charger.account.session_duration_seconds
    assert energy.sum == 4 * KWH
    assert energy.cumulative()[:4] == [0, 0, 1, 1]
    assert duration.cumulative()[-1] == 1
    assert duration.sum == pytest.approx(2 * 3600, abs=601)
