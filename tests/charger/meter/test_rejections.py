"""Rules 4 and 7 of the energy counter: readings that are not believed, and when they are after all."""

import math

import pytest

from exporter.charger.meter import EnergyMeter, Verdict
from tests.charger.meter.watched import ALICE, BOB, HOUR, KWH, Watched


class TestGlitch:
    """Rule 4: a fall without evidence is held back, and believed when three say the same."""

    def test_a_fall_without_evidence_is_a_glitch_and_adds_nothing(self, charger: Watched) -> None:
        assert charger.log(0) is Verdict.ENERGY_GLITCH
        assert charger.kwh == 2

    def test_the_smallest_fall_is_one_too(self, charger: Watched) -> None:
        assert charger.log(1.99) is Verdict.ENERGY_GLITCH

    def test_the_last_energy_stays_so_the_session_goes_on_from_it(self, charger: Watched) -> None:
        charger.log(0)
        assert charger.meter.session_joules == 2 * KWH
        charger.log(2.25)
        assert charger.kwh == 2.25

    def test_two_in_a_row_prove_nothing(self, charger: Watched) -> None:
        charger.log(0)
        charger.log(0.1)
        charger.log(2.25)
        assert charger.kwh == 2.25

    def test_three_in_a_row_prove_a_reset_and_add_the_newest_once(self, charger: Watched) -> None:
        verdicts = [charger.log(kwh) for kwh in (0.125, 0.25, 0.5)]
        assert verdicts == [Verdict.ENERGY_GLITCH] * 3
        assert charger.kwh == 2.5
        charger.log(0.75)
        assert charger.kwh == 2.75

    def test_three_that_stand_still_prove_it(self, charger: Watched) -> None:
        for _ in range(3):
            charger.log(0.5)
        assert charger.kwh == 2.5

    def test_three_that_fall_among_themselves_do_not(self, charger: Watched) -> None:
        for kwh in (0.5, 0.3, 0.4):
            charger.log(kwh)
        assert charger.kwh == 2

    def test_a_fall_among_them_begins_the_row_anew(self, charger: Watched) -> None:
        for kwh in (0.5, 0.25, 0.25, 0.5):
            charger.log(kwh)
        assert charger.kwh == 2.5

    def test_a_reading_that_is_accepted_ends_the_row(self, charger: Watched) -> None:
        for kwh in (0.1, 0.1, 2, 0.1, 0.1, 2):
            charger.log(kwh)
        assert charger.kwh == 2

    def test_a_reset_that_was_proved_is_a_session(self, charger: Watched) -> None:
        for _ in range(3):
            charger.log(0.5)
        assert charger.meter.sessions == 2


class TestInvalid:
    """Rule 7: what cannot be an energy is neither counted nor remembered."""

    @pytest.mark.parametrize("kwh", [-0.01, -math.inf, math.inf, math.nan, 1000.01, 1e300])
    def test_what_is_no_energy_of_a_session_is_invalid(self, charger: Watched, kwh: float) -> None:
        assert charger.log(kwh) is Verdict.INVALID
        assert charger.kwh == 2
        assert charger.meter.session_joules == 2 * KWH

    def test_1000_kwh_are_still_an_energy(self) -> None:
        charger = Watched()
        assert charger.log(1000) is Verdict.ACCEPTED
        assert charger.kwh == 1000

    def test_however_many_come_they_prove_nothing(self, charger: Watched) -> None:
        for _ in range(10):
            charger.log(1000.01)
        assert charger.kwh == 2
        assert charger.log(2.25) is Verdict.ACCEPTED


class TestImplausible:
    """Rule 7: a rise that would need more than the most power is not counted."""

    # 400 kW over a minute are 6.667 kWh; 0.1 kWh of slack come on top.

    def test_more_than_the_power_could_deliver_is_implausible(self, charger: Watched) -> None:
        assert charger.log(2 + 6.667 + 0.101) is Verdict.IMPLAUSIBLE
        assert charger.kwh == 2
        assert charger.meter.session_joules == 2 * KWH

    def test_up_to_the_slack_it_is_accepted(self, charger: Watched) -> None:
        assert charger.log(2 + 6.666 + 0.1) is Verdict.ACCEPTED

    def test_the_most_power_is_the_operators_to_say(self) -> None:
        charger = Watched(EnergyMeter(7_000))
        charger.log(0)
        assert charger.log(0.5) is Verdict.IMPLAUSIBLE

    def test_the_time_is_that_between_the_two_logs_and_not_of_their_arrival(self, charger: Watched) -> None:
        assert charger.log(30, created=charger.at + HOUR, after=HOUR) is Verdict.ACCEPTED
        assert charger.log(40, created=charger.at + 1, after=HOUR) is Verdict.IMPLAUSIBLE

    def test_a_held_back_log_does_not_shorten_the_time(self, charger: Watched) -> None:
        for _ in range(10):
            charger.log(None)
        assert charger.log(2 + 60) is Verdict.ACCEPTED

    def test_a_gap_is_time_too(self, charger: Watched) -> None:
        charger.meter.gap()
        assert charger.log(300) is Verdict.IMPLAUSIBLE
        assert charger.log(300, after=HOUR) is Verdict.ACCEPTED

    def test_the_first_log_of_a_session_is_not_measured_against_the_session_before(self, charger: Watched) -> None:
        assert charger.log(30, user=BOB) is Verdict.ACCEPTED

    def test_after_two_the_session_goes_on_from_where_it_was(self, charger: Watched) -> None:
        charger.log(500)
        charger.log(500)
        assert charger.log(2.25) is Verdict.ACCEPTED
        assert charger.kwh == 2.25

    def test_three_in_a_row_that_agree_move_the_last_energy_without_counting(self, charger: Watched) -> None:
        verdicts = [charger.log(kwh) for kwh in (500, 500.1, 500.2)]
        assert verdicts == [Verdict.IMPLAUSIBLE] * 3
        assert charger.kwh == 2
        charger.log(500.45)
        assert charger.kwh == 2.25

    @pytest.mark.parametrize("energies", [(500, 400, 450), (500, 600, 700)], ids=["one falls", "each leaps on"])
    def test_three_that_do_not_agree_move_nothing(self, charger: Watched, energies: tuple[float, ...]) -> None:
        for kwh in energies:
            assert charger.log(kwh) is Verdict.IMPLAUSIBLE
        assert charger.meter.session_joules == 2 * KWH
        assert charger.log(2.25) is Verdict.ACCEPTED
        assert charger.kwh == 2.25

    def test_glitches_before_it_are_no_part_of_the_row(self, charger: Watched) -> None:
        for _ in range(2):
            charger.meter.observe(0, None, ALICE, charger.at)
        assert charger.log(500) is Verdict.IMPLAUSIBLE
        assert charger.meter.session_joules == 2 * KWH

    def test_a_glitch_between_them_ends_the_row(self, charger: Watched) -> None:
        for kwh in (500, 500, 0, 500, 500):
            charger.log(kwh)
        assert charger.meter.session_joules == 2 * KWH
