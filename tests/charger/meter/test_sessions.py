"""Rules 2 and 3 of the energy counter: within a session, and from one to the next."""

import math

import pytest

from exporter.charger.meter import Verdict
from tests.charger.meter.watched import ALICE, BOB, HOUR, KWH, Watched


class TestWithinASession:
    """Rule 2: the total grows by what the session grew."""

    def test_the_total_grows_by_the_rise(self, charger: Watched) -> None:
        charger.log(2.75)
        assert charger.kwh == 2.75

    def test_an_energy_that_stands_still_is_accepted_and_adds_nothing(self, charger: Watched) -> None:
        assert charger.log(2) is Verdict.ACCEPTED
        assert charger.kwh == 2

    def test_many_small_rises_add_up_exactly(self) -> None:
        charger = Watched()
        charger.document(0)
        for hundredths in range(1, 10_001):
            charger.log(hundredths / 100)
        assert charger.meter.total_joules == 100 * KWH


class TestSessionBoundary:
    """Rule 3: with evidence that a new session may have begun, a fall is a new session."""

    def test_a_fall_after_an_off_is_a_new_session(self, charger: Watched) -> None:
        charger.meter.switched_off()
        assert charger.log(0.5) is Verdict.ACCEPTED
        assert charger.kwh == 2.5

    def test_a_fall_after_a_gap_is_a_new_session(self, charger: Watched) -> None:
        charger.meter.gap()
        assert charger.log(0.5) is Verdict.ACCEPTED
        assert charger.kwh == 2.5

    def test_a_fall_after_a_restart_is_a_new_session(self, charger: Watched) -> None:
        again = charger.restart()
        assert again.log(0.5) is Verdict.ACCEPTED
        assert again.kwh == 2.5

    def test_a_fall_with_another_user_is_a_new_session(self, charger: Watched) -> None:
        assert charger.log(0.5, user=BOB) is Verdict.ACCEPTED
        assert charger.kwh == 2.5

    def test_another_user_is_a_new_session_even_without_a_fall(self, charger: Watched) -> None:
        assert charger.log(2, user=BOB) is Verdict.ACCEPTED
        assert charger.kwh == 4

    def test_another_user_after_an_off_is_a_new_session_even_without_a_fall(self, charger: Watched) -> None:
        charger.meter.switched_off()
        charger.log(3, user=BOB)
        assert charger.kwh == 5

    def test_the_new_session_of_another_user_is_metered_on(self, charger: Watched) -> None:
        charger.log(0.5, user=BOB)
        charger.log(0.75, user=BOB)
        assert charger.kwh == 2.75

    @pytest.mark.parametrize("known", [(ALICE, None), (None, ALICE), (None, None)])
    def test_a_user_that_is_not_known_is_no_evidence(self, known: tuple[int | None, int | None]) -> None:
        charger = Watched()
        charger.log(2, user=known[0])
        charger.log(2.5, user=known[1])
        assert charger.kwh == 2.5
        assert charger.log(1, user=known[1]) is Verdict.ENERGY_GLITCH

    def test_a_user_is_remembered_over_logs_that_name_none(self, charger: Watched) -> None:
        charger.log(2.5, user=None)
        charger.log(3, user=BOB)
        assert charger.kwh == 5.5

    def test_after_an_off_a_rise_is_the_session_resumed(self, charger: Watched) -> None:
        charger.meter.switched_off()
        charger.log(2.5)
        assert charger.kwh == 2.5

    def test_after_a_gap_a_rise_is_the_session_resumed(self, charger: Watched) -> None:
        charger.meter.gap()
        charger.log(2.5)
        assert charger.kwh == 2.5

    def test_a_session_that_went_on_while_the_exporter_was_down_is_counted_in_full(self, charger: Watched) -> None:
        again = charger.restart(down=HOUR)
        again.log(30)
        assert again.kwh == 30

    def test_evidence_is_used_up_by_the_reading_that_follows(self, charger: Watched) -> None:
        charger.meter.switched_off()
        charger.log(2.5)
        assert charger.log(1) is Verdict.ENERGY_GLITCH
        assert charger.kwh == 2.5

    @pytest.mark.parametrize("kwh", [-1, math.nan, 1000.1, None])
    def test_evidence_is_not_used_up_by_a_reading_without_a_valid_energy(
        self, charger: Watched, kwh: float | None
    ) -> None:
        charger.meter.switched_off()
        charger.log(kwh)
        assert charger.log(0.5) is Verdict.ACCEPTED
        assert charger.kwh == 2.5

    def test_evidence_is_not_used_up_by_a_log_sent_again(self, charger: Watched) -> None:
        charger.meter.switched_off()
        charger.log(2, created=charger.at)
        assert charger.log(0.5) is Verdict.ACCEPTED
        assert charger.kwh == 2.5


class TestFallAfterAGap:
    """A fall straight after a gap may be a blip: if the old session then goes on, nothing counts twice."""

    def test_a_blip_to_0_as_the_first_reading_after_a_gap_does_not_count_the_session_twice(
        self, charger: Watched
    ) -> None:
        charger.meter.gap()
        charger.log(0)
        charger.log(2.1)
        assert charger.kwh == pytest.approx(2.1)

    def test_what_the_blip_itself_has_added_is_set_off(self, charger: Watched) -> None:
        charger.meter.gap()
        charger.log(0.001, after=1)
        charger.log(2.2, after=1)  # no charger rises by 2.2 kWh in a second
        assert charger.kwh == pytest.approx(2.2)

    def test_the_session_goes_on_as_one(self, charger: Watched) -> None:
        charger.meter.gap()
        charger.log(0)
        charger.log(2.1)
        assert charger.meter.sessions == 1

    def test_a_new_session_that_rises_from_its_start_is_one(self, charger: Watched) -> None:
        charger.meter.gap()
        for kwh in (0.1, 0.5, 1, 1.5, 2, 2.5, 3):
            assert charger.log(kwh) is Verdict.ACCEPTED
        assert charger.kwh == 5
        assert charger.meter.sessions == 2

    def test_it_is_not_forgotten_over_a_restart(self, charger: Watched) -> None:
        charger.meter.gap()
        charger.log(0)
        again = charger.restart()
        again.log(2.1)
        assert again.kwh == pytest.approx(2.1)


class TestSessions:
    """Sessions are counted where they begin, once."""

    def test_none_has_begun_on_a_charger_that_is_off(self) -> None:
        charger = Watched()
        charger.document(1.5, is_on=False)
        assert charger.meter.sessions == 0

    def test_a_session_found_running_counts(self) -> None:
        charger = Watched()
        charger.document(1.5)
        charger.log(1.75)
        assert charger.meter.sessions == 1

    @pytest.mark.parametrize(("before", "kwh"), [(0, 0.0), (0, 0.01), (1.5, 1.6), (1.5, 0.01)])
    def test_the_first_session_of_a_charger_counts_once(self, before: float, kwh: float) -> None:
        charger = Watched()
        charger.document(before, is_on=False)
        charger.meter.switched_off()
        charger.log(kwh)
        charger.log(kwh + 0.01)
        assert charger.meter.sessions == 1

    def test_each_new_session_counts(self, charger: Watched) -> None:
        for _ in range(3):
            charger.meter.switched_off()
            charger.log(0.25)
            charger.log(0.5)
        assert charger.meter.sessions == 4
        assert charger.kwh == 3.5

    def test_a_session_of_another_user_counts(self, charger: Watched) -> None:
        charger.log(2, user=BOB)
        assert charger.meter.sessions == 2

    @pytest.mark.parametrize("evidence", ["gap", "switched_off"])
    def test_a_session_resumed_does_not_count(self, charger: Watched, evidence: str) -> None:
        getattr(charger.meter, evidence)()
        charger.log(2.25)
        assert charger.meter.sessions == 1

    def test_a_restart_begins_none(self, charger: Watched) -> None:
        again = charger.restart()
        again.document(2)
        again.log(2.25)
        assert again.meter.sessions == 1

    def test_a_session_without_a_single_watt_hour_counts(self, charger: Watched) -> None:
        charger.meter.switched_off()
        charger.log(0)
        charger.meter.switched_off()
        charger.log(0)
        assert charger.meter.sessions == 3
        assert charger.kwh == 2


def test_a_blip_after_a_gap_and_then_the_end_of_the_session_count_it_once(charger: Watched) -> None:
    charger.log(5)
    counted = charger.kwh
    charger.meter.gap()
    charger.log(0)
    charger.meter.switched_off()
    charger.document(5.02, is_on=False)
    assert counted is not None
    assert charger.kwh == pytest.approx(counted + 0.02)


def test_late_logs_of_a_session_that_a_document_has_summed_up_count_nothing_twice(charger: Watched) -> None:
    charger.log(4.95)
    written = charger.at
    charger.meter.switched_off()
    charger.document(5.0, is_on=False)
    counted = charger.kwh
    late = [charger.log(4.95 + second / 100, created=written + second, after=0) for second in range(1, 5)]
    assert late == [Verdict.ACCEPTED] * 4
    assert charger.kwh == counted


def test_a_session_that_begins_after_such_late_logs_counts_in_full(charger: Watched) -> None:
    charger.log(4.95)
    written = charger.at
    charger.meter.switched_off()
    charger.document(5.0, is_on=False)
    charger.log(4.97, created=written + 1)
    counted = charger.kwh
    charger.log(0.1)
    assert counted is not None
    assert charger.kwh == pytest.approx(counted + 0.1)


def test_a_session_that_begins_within_what_a_document_raised_counts_in_full(charger: Watched) -> None:
    charger.log(0.1)
    charger.meter.switched_off()
    charger.at += HOUR
    charger.document(5.0, is_on=False)
    counted = charger.kwh
    for tenth in range(2, 6):
        charger.log(tenth / 10)
    assert counted is not None
    assert charger.kwh == pytest.approx(counted + 0.5)
