"""What is remembered as evidence of a new session, and for how long; and the users of the sessions."""

import pytest

from exporter.charger.decision_input import Evidence, Gap, NewSessionEvidence
from tests.charger.meter.situation import ALICE, BOB


@pytest.fixture
def evidence() -> NewSessionEvidence:
    return NewSessionEvidence()


def test_evidence_of_several_kinds_adds_up_until_a_session_begins(evidence: NewSessionEvidence) -> None:
    evidence.note(Evidence.OFF)
    evidence.note(Evidence.ON)
    assert evidence.all == evidence.fresh == Evidence.OFF | Evidence.ON
    evidence.begin_session(None)
    assert evidence.all == evidence.fresh == Evidence.NOTHING


def test_a_new_session_forgets_the_switch_to_on() -> None:
    evidence = NewSessionEvidence(switched_on_unix=5.0)
    evidence.begin_session(None)
    assert evidence.switched_on_unix is None


def test_two_gaps_without_a_log_between_them_are_one(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.begin_gap(600, 20.0)
    assert evidence.gap == Gap(500, 10.0)


def test_a_gap_after_a_log_is_another_one(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.end_gap(20.0)
    evidence.begin_gap(600, 20.0)
    assert evidence.gap == Gap(600, 20.0)


def test_a_gap_is_remembered_for_five_minutes_after_its_first_log(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.end_gap(1000.0)
    evidence.end_gap(1300.0)
    assert evidence.gap == Gap(500, 10.0, ended_at=1000.0)
    evidence.end_gap(1300.1)
    assert evidence.gap is None


def test_without_a_gap_a_log_ends_none(evidence: NewSessionEvidence) -> None:
    evidence.end_gap(1000.0)
    assert evidence.gap is None


def test_a_session_that_begins_after_a_gap_had_no_energy_before_it(evidence: NewSessionEvidence) -> None:
    evidence.begin_gap(500, 10.0)
    evidence.begin_session(None)
    assert evidence.gap == Gap(0, 10.0)


@pytest.mark.parametrize(
    ("current", "user", "another"),
    [(ALICE, BOB, True), (ALICE, ALICE, False), (None, BOB, False), (ALICE, None, False), (None, None, False)],
)
def test_a_user_is_another_one_if_both_are_known_and_differ(
    evidence: NewSessionEvidence, current: int | None, user: int | None, another: bool
) -> None:
    evidence.begin_session(current)
    assert evidence.is_another_user(user) is another


def test_the_first_user_that_a_log_names_is_the_user_of_the_session(evidence: NewSessionEvidence) -> None:
    evidence.begin_session(None)
    for user in (None, ALICE, BOB):
        evidence.continue_session(user)
    assert evidence.user == ALICE


def test_the_users_vary_from_the_first_log_of_another_one_to_the_next_session(evidence: NewSessionEvidence) -> None:
    vary = []
    for user in (ALICE, ALICE, BOB, ALICE):
        evidence.continue_session(user)
        vary.append(evidence.users_vary)
    evidence.begin_session(BOB)
    assert vary == [False, False, True, True]
    assert not evidence.users_vary


def test_after_a_glitch_the_user_is_that_of_the_previous_session(evidence: NewSessionEvidence) -> None:
    evidence.begin_session(ALICE)
    evidence.begin_session(BOB)
    evidence.resume_previous(Evidence.NOTHING)
    assert evidence.user == ALICE


def test_after_a_glitch_the_evidence_on_which_it_began_still_holds(evidence: NewSessionEvidence) -> None:
    evidence.note(Evidence.ON)
    evidence.resume_previous(Evidence.GAP | Evidence.USER)
    assert (evidence.all, evidence.fresh) == (Evidence.ON | Evidence.GAP, Evidence.ON)
