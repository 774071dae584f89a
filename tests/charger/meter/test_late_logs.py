"""What a log means that was written before the current session began, and arrives after its first log."""

import pytest

from exporter.charger.decision_input import Known
from exporter.charger.decisions import LateMeaning, decide_late
from tests.charger.meter.situation import NOON, joules, known, reading, session

NOTHING, RAISE, BETWEEN = LateMeaning.NOTHING, LateMeaning.RAISE_PREVIOUS, LateMeaning.BETWEEN

IN_A_BURST = 0.1


def two_sessions(after_gap: float | None = 600.0) -> Known:
    """A session of 1.0 kWh, last read at noon; after a gap the next one began ten minutes later at 0.1 kWh."""
    current = session(3.0, read=1200)
    current.first_at, current.first_energy = NOON + 600, joules(0.1)
    before_gap = None if after_gap is None else (1.0, 0.0)
    return known(current, session(1.0), before_gap=before_gap, after_gap=after_gap)


@pytest.mark.parametrize(
    ("kwh", "meaning"),
    [(0.98, RAISE), (0.97, NOTHING), (2.9, RAISE), (2.91, NOTHING)],
    ids=["as far as it was", "a dip", "possible", "impossible"],
)
def test_a_log_at_or_above_the_previous_session_raises_it_if_that_is_possible(kwh: float, meaning: LateMeaning) -> None:
    assert decide_late(two_sessions(), reading(kwh, 300), IN_A_BURST) is meaning


@pytest.mark.parametrize(("kwh", "meaning"), [(0.89, BETWEEN), (0.9, NOTHING)], ids=["a fall", "a dip"])
def test_a_log_that_falls_below_a_dip_shows_a_session_between_the_two(kwh: float, meaning: LateMeaning) -> None:
    assert decide_late(two_sessions(), reading(kwh, 300), IN_A_BURST) is meaning


@pytest.mark.parametrize(("kwh", "meaning"), [(0.4, BETWEEN), (0.41, NOTHING)], ids=["possible", "impossible"])
def test_all_energy_of_a_session_between_must_have_flowed_since_the_previous_one(
    kwh: float, meaning: LateMeaning
) -> None:
    assert decide_late(two_sessions(), reading(kwh, 100), IN_A_BURST) is meaning


@pytest.mark.parametrize(("kwh", "meaning"), [(0.12, NOTHING), (0.13, BETWEEN)])
def test_an_energy_that_the_current_session_may_have_had_is_ignored(kwh: float, meaning: LateMeaning) -> None:
    assert decide_late(two_sessions(), reading(kwh, 300), IN_A_BURST) is meaning


@pytest.mark.parametrize("at", [0, 600], ids=["at the last log of the previous one", "at the first of the current one"])
def test_a_log_that_was_not_written_between_the_two_sessions_is_ignored(at: float) -> None:
    assert decide_late(two_sessions(), reading(1.05, at), IN_A_BURST) is NOTHING


@pytest.mark.parametrize("after_gap", [None, 650.0], ids=["no gap", "a gap in the current session"])
@pytest.mark.parametrize(("at", "meaning"), [(60, RAISE), (61, NOTHING)])
def test_without_a_gap_between_the_sessions_logs_are_at_most_a_minute_late(
    after_gap: float | None, at: float, meaning: LateMeaning
) -> None:
    assert decide_late(two_sessions(after_gap), reading(1.05, at), IN_A_BURST) is meaning


def test_without_a_previous_session_a_late_log_is_ignored() -> None:
    situation = two_sessions()._replace(previous=None)
    assert decide_late(situation, reading(1.05, 300), IN_A_BURST) is NOTHING


@pytest.mark.parametrize(
    ("kwh", "meaning"), [(3.7, NOTHING), (3.71, BETWEEN), (2.98, NOTHING), (2.97, BETWEEN)], ids=str
)
def test_a_log_that_may_be_the_next_of_the_current_session_is_ignored(kwh: float, meaning: LateMeaning) -> None:
    """A clock may have been set back 100 seconds after the last log, at 3.0 kWh."""
    situation = two_sessions()._replace(previous=session(9.0, read=-1400))
    assert decide_late(situation, reading(kwh, 599), 100.0) is meaning


def test_a_log_that_is_late_by_a_minute_at_most_is_not_the_next_one() -> None:
    situation = two_sessions()._replace(current=session(1.0, read=1200), previous=session(1.0))
    situation.current.first_at = NOON + 600
    assert decide_late(situation, reading(1.05, 60), 100.0) is RAISE
