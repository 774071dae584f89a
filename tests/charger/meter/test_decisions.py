"""The decision on a reading that is in order: the tables of docs/energy.md, one by one."""

import pytest

from exporter.charger.decision_input import EnergyReading, Evidence, Held, Known
from exporter.charger.decisions import Action, Decision, decide
from exporter.charger.outcome import Judgement
from tests.charger.meter.situation import ALICE, BOB, NOON, joules, known, reading, session

CONTINUE = (Action.CONTINUE, None)
RESUMED = (Action.CONTINUE, Judgement.RESUMED)
BEGIN = (Action.BEGIN, None)
NEW_SESSION = (Action.BEGIN, Judgement.NEW_SESSION)
RESET = (Action.BEGIN, Judgement.UNANNOUNCED_RESET)
MERGE = (Action.MERGE, Judgement.MERGED)
HIGH = (Action.HOLD_HIGH, None)
FIRST_LOW = (Action.HOLD_LOW, Judgement.DIP)
LOW = (Action.HOLD_LOW, None)
COUNTED = (Action.COUNT_JUMP, Judgement.JUMP_COUNTED)
ASIDE = (Action.SET_JUMP_ASIDE, Judgement.JUMP_SET_ASIDE)

Outcome = tuple[Action, Judgement | None]


def outcome(situation: Known, one: EnergyReading) -> Outcome:
    return outcomes([decide(situation, one)])[0]


def run(situation: Known, *energies: float, start: float = 10.0, seconds: float = 10.0) -> list[Decision]:
    """The decisions on readings in a row, of which all but the last are held."""
    decisions: list[Decision] = []
    for number, kwh in enumerate(energies):
        held = decisions[-1].held if decisions else None
        decisions.append(decide(situation._replace(held=held), reading(kwh, start + seconds * number)))
    return decisions


def outcomes(decisions: list[Decision]) -> list[Outcome]:
    """The actions and judgements. What is judged has a reason, for the line in the log."""
    assert all(decision.reason for decision in decisions if decision.judgement)
    return [(decision.action, decision.judgement) for decision in decisions]


class TestTheSameSession:
    @pytest.mark.parametrize(("kwh", "expected"), [(1.0, CONTINUE), (0.98, CONTINUE), (0.97, FIRST_LOW)])
    def test_it_continues_from_two_hundredths_of_a_kwh_below(self, kwh: float, expected: Outcome) -> None:
        assert outcome(known(session(1.0)), reading(kwh, 10)) == expected

    @pytest.mark.parametrize(
        ("fresh", "expected"), [(Evidence.GAP, RESUMED), (Evidence.NOTHING, CONTINUE)], ids=["fresh", "not fresh"]
    )
    def test_it_is_doubtful_only_at_the_first_reading_after_evidence(self, fresh: Evidence, expected: Outcome) -> None:
        situation = known(session(1.0), evidence=Evidence.GAP, fresh=fresh)
        assert outcome(situation, reading(1.2, 3600)) == expected

    def test_it_is_not_doubtful_where_no_new_session_can_have_risen_so_far(self) -> None:
        assert outcome(known(session(5.0), evidence=Evidence.GAP), reading(5.1, 60)) == CONTINUE


class TestANewSession:
    def test_another_user_has_one_if_all_energy_can_have_flowed_since(self) -> None:
        assert outcome(known(session(1.0), user=ALICE), reading(3.0, 3600, user=BOB)) == NEW_SESSION

    def test_another_user_has_none_if_it_cannot(self) -> None:
        assert outcome(known(session(5.0), user=ALICE), reading(5.02, 10, user=BOB)) == CONTINUE

    @pytest.mark.parametrize(
        ("user", "reason"), [(BOB, "another user"), (ALICE, "the power fits a new session better")]
    )
    def test_the_reason_is_another_user_or_the_power(self, user: int, reason: str) -> None:
        situation = known(session(1.0), user=ALICE, evidence=Evidence.ENDED)
        assert decide(situation, reading(1.2, 600, user=user, watts=7200.0)).reason == reason

    def test_users_that_vary_are_not_evidence(self) -> None:
        situation = known(session(1.0), user=ALICE, users_vary=True)
        assert outcome(situation, reading(3.0, 3600, user=BOB)) == CONTINUE

    def test_users_that_vary_do_not_weaken_other_evidence(self) -> None:
        situation = known(session(1.0), user=ALICE, users_vary=True, evidence=Evidence.GAP)
        assert outcome(situation, reading(3.0, 3600, user=BOB)) == NEW_SESSION

    def test_it_has_begun_if_the_same_session_cannot_have_risen_so_fast(self) -> None:
        """A document has raised the session a moment ago."""
        situation = known(session(1.5, read=0, changed=3600), evidence=Evidence.OFF)
        assert outcome(situation, reading(3.0, 3605)) == NEW_SESSION

    @pytest.mark.parametrize(("kwh", "expected"), [(0.89, BEGIN), (0.9, FIRST_LOW)], ids=["a fall", "a dip"])
    def test_a_fall_with_evidence_begins_one_and_a_dip_does_not(self, kwh: float, expected: Outcome) -> None:
        assert outcome(known(session(1.0), evidence=Evidence.OFF), reading(kwh, 3600)) == expected

    def test_a_dip_begins_one_if_the_power_fits_a_session_of_another_user(self) -> None:
        situation = known(session(1.0), user=ALICE)
        assert outcome(situation, reading(0.95, 3600, user=BOB, watts=1000.0)) == NEW_SESSION

    def test_a_fall_that_is_not_possible_begins_none(self) -> None:
        assert outcome(known(session(1.0), evidence=Evidence.OFF), reading(0.5, 60)) == FIRST_LOW


class TestALostConnection:
    """A charger that lost its power continues from the energy that it had saved: a dip, not a new session."""

    @pytest.mark.parametrize(
        ("energy", "kwh", "expected"),
        [(2.0, 1.4, FIRST_LOW), (2.0, 1.39, BEGIN), (1.0, 0.5, FIRST_LOW), (1.0, 0.49, BEGIN)],
        ids=["five minutes", "more than five minutes", "half of it", "more than half"],
    )
    def test_it_loses_at_most_five_minutes_of_charging_and_half_of_the_energy(
        self, energy: float, kwh: float, expected: Outcome
    ) -> None:
        situation = known(session(energy), evidence=Evidence.DROP)
        assert outcome(situation, reading(kwh, 1000, watts=7200.0)) == expected

    @pytest.mark.parametrize("more", [Evidence.OFF, Evidence.GAP])
    def test_other_evidence_makes_it_a_new_session(self, more: Evidence) -> None:
        situation = known(session(2.0), evidence=Evidence.DROP | more)
        assert outcome(situation, reading(1.5, 1000, watts=7200.0)) == BEGIN

    def test_without_a_power_it_is_a_new_session(self) -> None:
        assert outcome(known(session(2.0), evidence=Evidence.DROP), reading(1.5, 1000)) == BEGIN

    def test_another_user_makes_it_a_new_session(self) -> None:
        situation = known(session(2.0), evidence=Evidence.DROP, user=ALICE)
        assert outcome(situation, reading(1.5, 1000, user=BOB, watts=7200.0)) == BEGIN


class TestAGlitch:
    """The current session was one, and the previous session continues."""

    @pytest.mark.parametrize(("rises", "expected"), [(2, MERGE), (3, HIGH)])
    def test_the_current_session_cannot_have_risen_so_fast(self, rises: int, expected: Outcome) -> None:
        situation = known(session(0.0, read=50, rises=rises), session(5.0, read=-60))
        assert outcome(situation, reading(5.1, 60)) == expected

    @pytest.mark.parametrize(
        ("begun_on", "expected"), [(Evidence.GAP, MERGE), (Evidence.OFF, CONTINUE)], ids=["a gap", "OFF"]
    )
    def test_the_previous_session_fits_better_if_a_gap_alone_began_the_current_one(
        self, begun_on: Evidence, expected: Outcome
    ) -> None:
        current = session(0.0, read=50, rises=0)
        current.begun_on = int(begun_on)
        assert outcome(known(current, session(0.3, read=-60)), reading(0.32, 600)) == expected

    @pytest.mark.parametrize(
        ("kwh", "fresh", "expected"),
        [(0.0, Evidence.ON, MERGE), (3e-7, Evidence.ON, HIGH), (0.1, Evidence.GAP, MERGE)],
        ids=["nothing", "1 J", "not switched on"],
    )
    def test_a_session_with_energy_that_was_switched_on_again_is_no_glitch(
        self, kwh: float, fresh: Evidence, expected: Outcome
    ) -> None:
        situation = known(session(kwh, read=50, rises=0), session(5.0, read=-60), evidence=fresh)
        assert outcome(situation, reading(5.1, 60)) == expected

    @pytest.mark.parametrize(("kwh", "expected"), [(0.0, MERGE), (3e-7, CONTINUE)], ids=["nothing", "1 J"])
    def test_a_session_that_has_delivered_energy_since_on_is_not_a_glitch(self, kwh: float, expected: Outcome) -> None:
        current = session(kwh, rises=0)
        current.begun_on = int(Evidence.ON)
        assert outcome(known(current, session(1.0, read=-60)), reading(1.42, 360, watts=3600.0)) == expected

    @pytest.mark.parametrize(
        ("begun_on", "user", "expected"),
        [(Evidence.USER, BOB, CONTINUE), (Evidence.USER, ALICE, MERGE), (Evidence.GAP, BOB, MERGE)],
        ids=["the same user", "the user of before", "no user began it"],
    )
    def test_a_session_with_a_user_of_its_own_is_not_a_glitch(
        self, begun_on: Evidence, user: int, expected: Outcome
    ) -> None:
        current = session(0.0, rises=0)
        current.begun_on = int(begun_on)
        situation = known(current, session(1.0, read=-60), user=BOB)
        assert outcome(situation, reading(1.42, 360, user=user, watts=3600.0)) == expected

    def test_three_readings_do_not_make_a_session_with_energy_since_on_a_glitch(self) -> None:
        current = session(0.5, read=5, rises=1)
        current.begun_on, current.began_at = int(Evidence.ON), NOON - 3600
        situation = known(current, session(8.99, read=-60))
        assert outcomes(run(situation, 9.0, 9.02, 9.04))[-1] == ASIDE

    def test_three_readings_in_a_row_that_fit_the_previous_session_alone_prove_it(self) -> None:
        situation = known(session(0.5, read=5, rises=9), session(8.99, read=-60))
        assert outcomes(run(situation, 9.0, 9.02, 9.04)) == [HIGH, HIGH, MERGE]


class TestAJump:
    @pytest.mark.parametrize(
        ("kwh", "expected"), [(40.5, COUNTED), (41.0, ASIDE)], ids=["within max_power_watts", "beyond max_power_watts"]
    )
    def test_three_readings_in_a_row_count_if_the_session_is_possible(self, kwh: float, expected: Outcome) -> None:
        """The session began an hour ago, at 0.5 kWh; 40 kW are the most."""
        current = session(0.5)
        current.first_energy = joules(0.5)
        decisions = run(known(current), kwh, kwh, kwh)
        assert outcomes(decisions) == [HIGH, HIGH, expected]
        assert held(decisions) == Held(True, reading(kwh, 10), reading(kwh, 30), 3)

    @pytest.mark.parametrize(("previous_read", "expected"), [(-3600, COUNTED), (-3540, ASIDE)])
    def test_after_another_session_all_of_its_energy_has_flowed_since(
        self, previous_read: float, expected: Outcome
    ) -> None:
        current = session(0.5)
        current.began_at, current.first_energy = NOON - 60, joules(0.5)
        situation = known(current, session(60.0, read=previous_read))
        assert outcomes(run(situation, 40.0, 40.0, 40.0))[-1] == expected

    @pytest.mark.parametrize(("second", "length"), [(8.98, 2), (8.97, 1)], ids=["rounding", "a fall"])
    def test_readings_that_fall_do_not_agree(self, second: float, length: int) -> None:
        assert held(run(known(session(0.5)), 9.0, second)).length == length

    @pytest.mark.parametrize(
        ("second", "seconds", "length"),
        [(10.1, 1, 2), (10.11, 1, 1), (10.11, 100, 2)],
        ids=["a step", "a leap", "possible"],
    )
    def test_readings_that_leap_do_not_agree(self, second: float, seconds: float, length: int) -> None:
        assert held(run(known(session(0.5)), 9.0, second, seconds=seconds)).length == length

    def test_the_first_and_the_last_reading_are_kept(self) -> None:
        last = held(run(known(session(0.5)), 9.0, 9.02))
        assert last == Held(True, reading(9.0, 10), reading(9.02, 20), 2)

    def test_a_reading_that_is_too_low_does_not_agree_with_one_that_is_too_high(self) -> None:
        assert held(run(known(session(0.5)), 9.0, 0.1)) == Held(False, reading(0.1, 20), reading(0.1, 20))


class TestAFallWithoutEvidence:
    def test_three_readings_in_a_row_are_an_unannounced_reset(self) -> None:
        assert outcomes(run(known(session(2.0)), 0.02, 0.04, 0.06)) == [FIRST_LOW, LOW, RESET]

    @pytest.mark.parametrize(("kwh", "expected"), [(0.19, RESET), (0.2, LOW)], ids=["possible", "impossible"])
    def test_all_energy_must_have_flowed_since_the_last_reading(self, kwh: float, expected: Outcome) -> None:
        assert outcomes(run(known(session(2.0)), 0.0, 0.0, kwh))[-1] == expected

    def test_a_dip_is_not_a_reset(self) -> None:
        situation = known(session(2.0))
        assert outcomes(run(situation, 1.9, 1.92, 1.94, start=3000)) == [FIRST_LOW, LOW, LOW]

    @pytest.mark.parametrize(
        ("kwh", "reason"),
        [(1.9, "a small fall"), (0.1, "no evidence of a new session, or too little time for its energy")],
    )
    def test_the_reason_says_whether_the_fall_is_small(self, kwh: float, reason: str) -> None:
        assert decide(known(session(2.0)), reading(kwh, 10)).reason == reason

    def test_readings_that_fall_do_not_agree(self) -> None:
        assert outcomes(run(known(session(2.0)), 0.1, 0.07, 0.07)) == [FIRST_LOW, FIRST_LOW, LOW]

    def test_readings_may_leap_up(self) -> None:
        situation = known(session(9.0))
        assert outcomes(run(situation, 0.0, 2.0, 4.0, start=3000)) == [FIRST_LOW, LOW, RESET]


def held(decisions: list[Decision]) -> Held:
    last = decisions[-1].held
    assert last is not None
    return last
