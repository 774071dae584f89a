"""The list of sessions of one charger, and the counter made of them. Energies in joules."""

import pytest

from exporter.charger.session_list import SessionList
from exporter.charger.sessions import KnownBy, RunningSession, Session


def session(energy: int, at: float = 0.0, set_aside: int = 0) -> RunningSession:
    return RunningSession(energy, began_at=at, read_at=at, changed_at=at, set_aside=set_aside)


def sessions(*energies: int) -> SessionList:
    """Sessions with these energies, one after another."""
    listed = SessionList()
    for energy in energies:
        listed.begin(session(energy))
    return listed


def energies(listed: SessionList) -> list[int]:
    return [each.energy_joules for each in (*listed.newly_settled, *listed.revisable())]


def test_the_counter_is_0_once_something_is_known() -> None:
    listed = SessionList()
    assert listed.counted is None
    listed.count()
    assert listed.counted == 0


def test_a_session_is_listed_once_it_has_delivered_energy() -> None:
    listed = sessions(0)
    assert (listed.sessions, listed.revisable()) == (0, ())
    assert listed.current is not None
    listed.current.energy = 1
    listed.count()
    assert (listed.sessions, energies(listed)) == (1, [1])


def test_a_session_without_energy_is_dropped_when_the_next_one_begins() -> None:
    listed = sessions(500, 0, 300)
    assert listed.previous is not None
    assert listed.previous.energy == 500
    assert energies(listed) == [500, 300]


def test_the_session_before_the_previous_one_is_settled() -> None:
    listed = sessions(500, 400, 300)
    assert [each.energy_joules for each in listed.newly_settled] == [500]
    assert listed.settled == 500
    assert listed.counted == 1200


def test_what_is_set_aside_is_not_counted_even_when_it_is_settled() -> None:
    listed = SessionList()
    for set_aside in (100, 20, 3, 0):
        listed.begin(session(500, set_aside=set_aside))
    assert listed.settled_set_aside == 120
    assert listed.counted == 2000 - 123


def test_a_glitch_leaves_the_list_and_the_counter_waits_until_the_estimate_reaches_it() -> None:
    listed = sessions(500, 400, 30)
    listed.resume_previous()
    assert (listed.listed, listed.sessions, energies(listed)) == (2, 3, [500, 400])
    assert (listed.counted, listed.excess) == (930, 30)
    listed.begin(session(40))
    assert (listed.listed, listed.sessions, energies(listed)) == (3, 3, [500, 400, 40])
    assert (listed.counted, listed.excess) == (940, 0)


def test_the_number_of_a_glitch_is_not_used_again() -> None:
    listed = sessions(500, 30)
    listed.resume_previous()
    listed.begin(session(40))
    assert [each.number for each in listed.revisable()] == [1, 3]


def test_a_glitch_that_delivered_nothing_was_never_listed() -> None:
    listed = sessions(500, 0)
    listed.resume_previous()
    assert (listed.listed, energies(listed)) == (1, [500])


@pytest.mark.parametrize(
    ("ended_at", "ends"),
    [(None, 60.0), (50.0, 60.0), (70.0, 70.0)],
    ids=["end not known", "end before the log", "end after the log"],
)
def test_a_late_log_raises_the_previous_session_and_does_not_end_it_earlier(
    ended_at: float | None, ends: float
) -> None:
    listed = sessions(500, 30)
    assert listed.previous is not None
    listed.previous.ended_at = ended_at
    listed.raise_previous(600, at=60.0)
    assert energies(listed) == [600, 30]
    assert listed.counted == 630
    raised = listed.previous
    assert (raised.read_at, raised.changed_at, raised.ended_at) == (60.0, 60.0, ends)


def test_a_late_log_does_not_lower_the_previous_session() -> None:
    listed = sessions(500, 30)
    listed.raise_previous(499, at=60.0)
    assert energies(listed) == [500, 30]


def test_a_session_found_late_is_inserted_before_the_current_one() -> None:
    listed = sessions(500, 30)
    listed.insert(200, at=60.0)
    assert energies(listed) == [500, 200, 30]
    assert (listed.sessions, listed.counted) == (3, 730)
    assert [each.energy_joules for each in listed.newly_settled] == [500]


def test_the_first_end_of_a_session_that_is_known_stands() -> None:
    one = session(500)
    one.end(60.0, KnownBy.STATUS)
    one.end(70.0, KnownBy.LOG)
    assert (one.ended_at, one.ended_by) == (60.0, KnownBy.STATUS)


def test_a_row_of_the_list_has_what_is_known_of_the_session() -> None:
    listed = sessions(500)
    assert listed.current is not None
    listed.current.base, listed.current.peak_watts = 200, 7200.0
    listed.current.end(60.0, KnownBy.STATUS)
    row = Session(1, 0.0, 60.0, 300, 7200.0, KnownBy.LOG, KnownBy.STATUS, certain=True)
    assert listed.revisable() == (row,)


def test_a_peak_that_no_log_reported_is_absent() -> None:
    (row,) = sessions(500).revisable()
    assert row.peak_watts is None
