"""Rules 5 and 6 of the energy counter: where it starts, what documents do, what is kept."""

import math

import pytest

from exporter.charger.meter import EnergyMeter, MeterState, Verdict
from tests.charger.meter.watched import BOB, KWH, NOON, Watched


class TestStart:
    """Rule 5: the counter exists from the first document or log on, and starts at 0 where it can."""

    def test_before_the_first_document_or_log_there_is_none(self) -> None:
        assert Watched().kwh is None

    @pytest.mark.parametrize("missed", ["gap", "switched_off"])
    def test_events_without_an_energy_do_not_start_it(self, missed: str) -> None:
        charger = Watched()
        getattr(charger.meter, missed)()
        assert charger.kwh is None

    def test_it_starts_at_the_energy_of_the_document(self) -> None:
        charger = Watched()
        charger.document(1.5)
        assert charger.kwh == 1.5

    @pytest.mark.parametrize("kwh", [None, math.nan, -1, 1000.1, 0])
    def test_it_starts_at_0_with_a_document_that_has_no_valid_energy(self, kwh: float | None) -> None:
        charger = Watched()
        charger.document(kwh)
        assert charger.kwh == 0

    def test_the_energy_of_the_document_is_not_counted_again_by_the_first_log(self) -> None:
        charger = Watched()
        charger.document(1.5)
        charger.log(1.75)
        assert charger.kwh == 1.75

    def test_after_a_document_without_energy_the_first_log_counts_from_0(self) -> None:
        charger = Watched()
        charger.document(None)
        charger.log(1.75)
        assert charger.kwh == 1.75

    def test_it_starts_at_the_first_log(self) -> None:
        charger = Watched()
        charger.log(1.75)
        assert charger.kwh == 1.75

    def test_a_first_log_without_a_valid_energy_does_not_start_it(self) -> None:
        charger = Watched()
        charger.log(math.nan)
        assert charger.kwh is None


class TestDocument:
    """Rule 6: a document may raise the meter within a session, never lower it, and is no evidence of a boundary."""

    def test_a_document_ahead_of_the_logs_raises_the_meter(self, charger: Watched) -> None:
        charger.document(2.5)
        assert charger.kwh == 2.5

    def test_what_it_raised_is_not_counted_again_by_the_next_log(self, charger: Watched) -> None:
        charger.document(2.5)
        charger.log(2.75)
        assert charger.kwh == 2.75

    @pytest.mark.parametrize("kwh", [0, 1.9, None, math.nan, -1])
    def test_a_stale_document_in_mid_session_changes_nothing(self, charger: Watched, kwh: float | None) -> None:
        charger.meter.gap()
        charger.document(kwh)
        assert charger.meter.session_joules == 2 * KWH
        charger.log(2.25)
        assert charger.kwh == 2.25

    @pytest.mark.parametrize(("kwh", "total"), [(2.75, 2.75), (0.5, 2.5)], ids=["goes on", "begins"])
    def test_after_a_gap_the_next_log_and_not_the_document_tells_which_session_it_is(
        self, charger: Watched, kwh: float, total: float
    ) -> None:
        charger.meter.gap()
        charger.document(2.25)
        charger.log(kwh)
        assert charger.kwh == total

    def test_a_document_that_fell_is_no_evidence_of_a_new_session(self, charger: Watched) -> None:
        charger.document(0)
        assert charger.log(0.5) is Verdict.ENERGY_GLITCH
        assert charger.kwh == 2

    def test_a_document_is_not_a_log_and_leaves_the_order_alone(self, charger: Watched) -> None:
        newest = charger.at
        charger.document(2.5)
        assert charger.log(2.5, created=newest + 1) is Verdict.ACCEPTED

    def test_a_document_of_another_user_says_nothing_about_the_session_before(self, charger: Watched) -> None:
        charger.document(3, user=BOB)
        assert charger.kwh == 2
        charger.log(3, user=BOB)
        assert charger.kwh == 5

    def test_a_document_that_no_charger_could_have_reached_raises_nothing(self, charger: Watched) -> None:
        charger.document(500)
        assert charger.kwh == 2

    def test_the_document_of_a_charger_that_is_off_tells_the_end_of_its_session(self, charger: Watched) -> None:
        charger.meter.switched_off()
        charger.document(2.25, is_on=False)
        assert charger.kwh == 2.25
        charger.log(0.5)
        assert charger.kwh == 2.75


class TestState:
    """What outlives the process: all that the total needs, and nothing personal."""

    def test_a_restored_meter_shows_its_total_at_once(self, charger: Watched) -> None:
        assert charger.restart().kwh == 2

    def test_a_restored_meter_keeps_its_state(self, charger: Watched) -> None:
        assert charger.restart().meter.state() == charger.meter.state()

    def test_a_meter_restored_from_nothing_is_a_new_one(self) -> None:
        assert EnergyMeter(400_000, MeterState()).total_joules is None

    def test_no_user_is_in_it(self) -> None:
        marked = 8_675_309
        meter = EnergyMeter(400_000)
        meter.document(0, marked, is_on=True, now_unix=NOON)
        meter.observe(KWH, NOON, marked, NOON)
        assert str(marked) not in repr(meter.state())
