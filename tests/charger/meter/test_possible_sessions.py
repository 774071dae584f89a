"""Which sessions a reading can belong to, by time and power."""

import pytest

from exporter.charger.decision_input import Evidence, Known
from exporter.charger.possible_sessions import (
    earliest_start,
    new_session_is_possible,
    new_session_is_proven,
    previous_session_is_possible,
    same_session_is_possible,
)
from tests.charger.meter.situation import ALICE, BOB, NOON, known, reading, session


@pytest.mark.parametrize(("kwh", "possible"), [(7.1, True), (7.11, False), (0.0, True)])
def test_a_session_can_rise_by_its_highest_likely_power_and_a_tenth_of_a_kwh(kwh: float, possible: bool) -> None:
    situation = known(session(1.0, read=900, changed=0))
    assert same_session_is_possible(situation, reading(kwh, 1000)) is possible


@pytest.mark.parametrize(
    ("kwh", "at", "possible"),
    [(7.1, 1000.5, True), (7.11, 1000.5, False), (7.1, 1000.51, False)],
    ids=["possible since before the gap", "impossible", "not in a burst"],
)
def test_a_backlog_that_was_stamped_on_arrival_can_have_risen_since_before_the_gap(
    kwh: float, at: float, possible: bool
) -> None:
    situation = known(session(2.0, read=1000), before_gap=(1.0, 0.5))
    assert same_session_is_possible(situation, reading(kwh, at)) is possible


@pytest.mark.parametrize(("kwh", "possible"), [(3.1, True), (3.11, False)])
def test_all_energy_of_a_new_session_must_have_flowed_since_the_last_reading(kwh: float, possible: bool) -> None:
    situation = known(session(9.0, read=0, changed=-60), evidence=Evidence.GAP)
    assert new_session_is_possible(situation, reading(kwh, 1000)) is possible


def test_without_evidence_no_new_session_is_possible() -> None:
    assert not new_session_is_possible(known(session(9.0)), reading(1.0, 1000))


@pytest.mark.parametrize(
    ("user", "other", "possible"), [(ALICE, BOB, True), (ALICE, ALICE, False), (None, BOB, False), (ALICE, None, False)]
)
def test_another_user_is_evidence_if_both_are_known(user: int | None, other: int | None, possible: bool) -> None:
    assert new_session_is_possible(known(session(9.0), user=user), reading(1.0, 1000, user=other)) is possible


@pytest.mark.parametrize(
    ("evidence", "fresh", "user", "users_vary", "proven"),
    [
        (Evidence.ENDED, Evidence.ENDED, BOB, False, True),
        (Evidence.ENDED | Evidence.GAP, Evidence.ENDED | Evidence.GAP, BOB, False, True),
        (Evidence.GAP, Evidence.GAP, BOB, False, False),
        (Evidence.ENDED, Evidence.GAP, BOB, False, False),
        (Evidence.ENDED, Evidence.ENDED, ALICE, False, False),
        (Evidence.ENDED, Evidence.ENDED, None, False, False),
        (Evidence.ENDED, Evidence.ENDED, BOB, True, False),
    ],
    ids=["both", "and a gap", "the user alone", "told earlier", "the same user", "no user", "users vary"],
)
def test_a_document_and_another_user_prove_a_new_session_which_only_the_hard_limit_excludes(
    evidence: Evidence, fresh: Evidence, user: int | None, users_vary: bool, proven: bool
) -> None:
    situation = known(session(19.0), evidence=evidence, fresh=fresh, users_vary=users_vary)
    assert new_session_is_proven(situation, reading(3.11, 1000, user=user)) is proven
    assert new_session_is_possible(situation, reading(3.1, 1000, user=user))
    assert new_session_is_possible(situation, reading(3.11, 1000, user=user)) is proven
    assert new_session_is_possible(situation, reading(11.21, 1000, user=user)) is proven
    assert not new_session_is_possible(situation, reading(11.22, 1000, user=user))


@pytest.mark.parametrize(("kwh", "possible"), [(0.58, True), (0.1, False), (0.11, True), (3.0, True), (3.01, False)])
def test_where_users_alone_are_evidence_and_the_energy_does_not_fall_there_is_no_slack(
    kwh: float, possible: bool
) -> None:
    situation = known(session(0.1), user=ALICE)
    assert new_session_is_possible(situation, reading(kwh, 1000, user=BOB)) is possible


@pytest.mark.parametrize(("kwh", "possible"), [(3.07, True), (3.08, False)], ids=["a fall", "no fall"])
def test_where_users_alone_are_evidence_a_fall_has_the_usual_slack(kwh: float, possible: bool) -> None:
    situation = known(session(3.1), user=ALICE)
    assert new_session_is_possible(situation, reading(kwh, 1000, user=BOB)) is possible


@pytest.mark.parametrize(
    ("current", "kwh", "possible"),
    [(0.0, 10.0, True), (0.0, 9.0, True), (0.0, 8.99, False), (0.0, 10.7, True), (0.0, 10.71, False)],
    ids=["goes on", "a dip", "a fall", "possible", "impossible"],
)
def test_the_previous_session_may_continue_from_a_dip_to_what_is_possible(
    current: float, kwh: float, possible: bool
) -> None:
    situation = known(session(current, read=50), session(10.0, read=20, changed=0))
    assert previous_session_is_possible(situation, reading(kwh, 100)) is possible


@pytest.mark.parametrize(("current", "possible"), [(9.99, True), (10.0, False)])
def test_the_previous_session_does_not_continue_once_the_current_one_has_reached_it(
    current: float, possible: bool
) -> None:
    situation = known(session(current, read=50), session(10.0, read=0))
    assert previous_session_is_possible(situation, reading(10.1, 100)) is possible


def test_without_a_previous_session_none_continues() -> None:
    assert not previous_session_is_possible(known(session(0.0)), reading(0.0, 100))


@pytest.mark.parametrize(
    ("situation", "start"),
    [
        (known(session(1.0, read=100, changed=50)), 100),
        (known(session(1.0, read=100, changed=50), switched_on=60), 60),
        (known(session(1.0, read=100, changed=50), switched_on=50), 50),
        (known(session(1.0, read=100, changed=50), switched_on=49), 100),
        (known(session(1.0, read=999.5, changed=999.5), before_gap=(1.0, 10)), 10),
        (known(session(1.0, read=999.4, changed=999.4), before_gap=(1.0, 10)), 999.4),
        (known(session(1.0, read=999.5, changed=999.5), before_gap=(1.0, 10), switched_on=30), 30),
        (known(session(1.0, read=999.5, changed=999.5), before_gap=(1.0, 10), switched_on=5), 10),
    ],
    ids=[
        "at the last reading",
        "at the switch to ON, if the energy has not changed since",
        "at the switch to ON, if the energy changed just then",
        "at the last reading, if the energy has changed since the switch to ON",
        "before the gap, in a burst after it",
        "at the last reading, if it is no burst",
        "at the switch to ON after a gap",
        "before the gap, if the switch to ON was earlier",
    ],
)
def test_the_earliest_start_of_a_new_session(situation: Known, start: float) -> None:
    assert earliest_start(situation, reading(1.0, 1000)) == NOON + start
