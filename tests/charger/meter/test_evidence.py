"""What is remembered as evidence of a new session, and for how long."""

import pytest

from exporter.charger.evidence import Evidence, NewSessionEvidence


@pytest.fixture
def evidence() -> NewSessionEvidence:
    return NewSessionEvidence(Evidence.NOTHING, None)


def test_evidence_of_several_kinds_adds_up_until_a_session_begins(evidence: NewSessionEvidence) -> None:
    evidence.note(Evidence.OFF)
    evidence.note(Evidence.ON)
    assert evidence.all == evidence.fresh == Evidence.OFF | Evidence.ON
    evidence.begin_session()
    assert evidence.all == evidence.fresh == Evidence.NOTHING


def test_a_new_session_forgets_the_switch_to_on() -> None:
    evidence = NewSessionEvidence(Evidence.ON, 5.0)
    evidence.begin_session()
    assert evidence.switched_on_unix is None


def test_two_gaps_without_a_log_between_them_are_one(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.begin_gap(600, 20.0)
    assert evidence.before_gap == (500, 10.0)


def test_a_gap_after_a_log_is_another_one(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.end_gap(20.0)
    evidence.begin_gap(600, 20.0)
    assert (evidence.before_gap, evidence.after_gap_at) == ((600, 20.0), None)


def test_a_gap_is_remembered_for_five_minutes_after_its_first_log(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.end_gap(1000.0)
    evidence.end_gap(1300.0)
    assert (evidence.before_gap, evidence.after_gap_at) == ((500, 10.0), 1000.0)
    evidence.end_gap(1300.1)
    assert (evidence.before_gap, evidence.after_gap_at) == (None, None)


def test_without_a_gap_a_log_ends_none(evidence: NewSessionEvidence) -> None:
    evidence.end_gap(1000.0)
    assert evidence.after_gap_at is None


def test_a_session_that_begins_after_a_gap_had_no_energy_before_it(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.begin_session()
    assert evidence.before_gap == (0, 10.0)
