"""Rule 1 of the energy counter: what order the logs of a charger stand in."""

import pytest

from exporter.charger.meter import EnergyMeter, Verdict
from tests.charger.meter.watched import ALICE, BOB, HOUR, KWH, MINUTE, NOON, Watched


class TestOrder:
    """Rule 1: logs count in the order in which the charger wrote them."""

    def test_a_log_of_the_same_moment_is_a_duplicate(self, charger: Watched) -> None:
        assert charger.log(2.5, created=charger.at) is Verdict.DUPLICATE

    def test_an_earlier_log_is_out_of_order(self, charger: Watched) -> None:
        assert charger.log(2.5, created=charger.at - 1) is Verdict.OUT_OF_ORDER

    @pytest.mark.parametrize("seconds_earlier", [0, 0.001, HOUR])
    @pytest.mark.parametrize("kwh", [0, 1.5, 2.5, -1])
    def test_neither_touches_anything(self, charger: Watched, seconds_earlier: float, kwh: float) -> None:
        before = charger.meter.state()
        charger.log(kwh, user=BOB, created=charger.at - seconds_earlier)
        assert charger.meter.state() == before

    @pytest.mark.parametrize("seconds_earlier", [0, MINUTE])
    def test_a_resent_log_leaves_no_trace_on_what_follows(self, charger: Watched, seconds_earlier: float) -> None:
        charger.log(0, user=BOB, created=charger.at - seconds_earlier)
        assert charger.log(2.5) is Verdict.ACCEPTED
        assert charger.kwh == 2.5

    def test_the_order_holds_across_a_reconnection(self, charger: Watched) -> None:
        newest = charger.at
        charger.meter.gap()
        assert charger.log(1, created=newest - MINUTE) is Verdict.OUT_OF_ORDER
        assert charger.log(2, created=newest) is Verdict.DUPLICATE
        assert charger.kwh == 2

    def test_the_order_holds_across_a_restart(self, charger: Watched) -> None:
        again = charger.restart()
        assert again.log(1, created=charger.at - MINUTE) is Verdict.OUT_OF_ORDER
        assert again.log(2, created=charger.at) is Verdict.DUPLICATE
        assert again.kwh == 2

    def test_the_order_holds_across_the_end_of_a_session(self, charger: Watched) -> None:
        newest = charger.at
        charger.meter.switched_off()
        assert charger.log(1, created=newest - MINUTE) is Verdict.OUT_OF_ORDER
        assert charger.kwh == 2

    def test_a_log_held_back_and_sent_again_is_one_log(self, charger: Watched) -> None:
        assert charger.log(0) is Verdict.ENERGY_GLITCH
        assert [charger.log(0, created=charger.at, after=0) for _ in range(5)] == [Verdict.DUPLICATE] * 5
        assert charger.log(2.1) is Verdict.ACCEPTED
        assert charger.kwh == pytest.approx(2.1)

    def test_a_log_without_a_time_counts_and_moves_no_order(self) -> None:
        meter = EnergyMeter(400_000)
        assert meter.observe(1 * KWH, None, ALICE, NOON) is Verdict.ACCEPTED
        assert meter.observe(2 * KWH, NOON - HOUR, ALICE, NOON) is Verdict.ACCEPTED
        assert meter.total_joules == 2 * KWH

    def test_a_log_without_an_energy_still_takes_its_place_in_the_order(self, charger: Watched) -> None:
        assert charger.log(None) is Verdict.ACCEPTED
        newest = charger.at
        assert charger.log(3, created=newest) is Verdict.DUPLICATE
        assert charger.log(3, created=newest - 1) is Verdict.OUT_OF_ORDER
        assert charger.kwh == 2


class TestClockAhead:
    """Rule 1: a time more than 5 minutes ahead is taken as now, so that one wrong clock silences no charger."""

    def test_a_charger_whose_clock_is_put_right_is_heard_at_once(self, charger: Watched) -> None:
        assert charger.log(2.1, created=charger.at + 365 * 24 * HOUR) is Verdict.ACCEPTED
        assert charger.log(2.2) is Verdict.ACCEPTED
        assert charger.kwh == pytest.approx(2.2)

    def test_the_time_of_the_log_is_told_as_now(self, charger: Watched) -> None:
        charger.log(2.1, created=charger.at + HOUR)
        assert charger.meter.last_log_unix == charger.at

    def test_up_to_five_minutes_ahead_the_charger_is_believed(self, charger: Watched) -> None:
        charger.log(2.1, created=charger.at + MINUTE + 300)
        assert charger.meter.last_log_unix == charger.at + 300
        assert charger.log(2.2) is Verdict.OUT_OF_ORDER

    def test_a_clock_that_stays_ahead_is_still_a_clock(self, charger: Watched) -> None:
        ahead = charger.at + 2 * HOUR
        verdicts = [charger.log(2 + tenth / 10, created=ahead + tenth, after=1) for tenth in range(1, 6)]
        assert verdicts == [Verdict.ACCEPTED] * 5
        assert charger.kwh == pytest.approx(2.5)

    def test_logs_ahead_that_arrive_in_one_instant_keep_their_order(self, charger: Watched) -> None:
        ahead = charger.at + 2 * HOUR
        verdicts = [charger.log(2 + tenth / 10, created=ahead + tenth, after=0) for tenth in range(1, 6)]
        assert verdicts == [Verdict.ACCEPTED] * 5
        assert charger.log(2.3, created=ahead + 3, after=0) is Verdict.OUT_OF_ORDER
        assert charger.kwh == pytest.approx(2.5)

    @pytest.mark.parametrize("set_by_seconds", [-24 * HOUR, -HOUR, HOUR, 24 * HOUR])
    def test_setting_our_own_clock_silences_no_charger(self, charger: Watched, set_by_seconds: float) -> None:
        written = charger.at
        charger.at += set_by_seconds
        for tenth in range(1, 4):
            assert charger.log(2 + tenth / 10, created=written + MINUTE * tenth) is Verdict.ACCEPTED
        charger.at -= set_by_seconds
        assert charger.log(2.4, created=charger.at + MINUTE) is Verdict.ACCEPTED
        assert charger.kwh == pytest.approx(2.4)

    def test_a_log_ahead_sent_again_is_a_duplicate(self, charger: Watched) -> None:
        ahead = charger.at + 2 * HOUR
        charger.log(2.1, created=ahead)
        assert charger.log(2.1, created=ahead) is Verdict.DUPLICATE

    def test_logs_ahead_sent_again_after_a_reconnection_change_nothing(self, charger: Watched) -> None:
        ahead = charger.at + 2 * HOUR
        charger.log(2.1, created=ahead)
        charger.log(2.2, created=ahead + 10)
        charger.meter.gap()
        assert charger.log(2.1, created=ahead) is Verdict.OUT_OF_ORDER
        assert charger.log(2.2, created=ahead + 10) is Verdict.DUPLICATE
        assert charger.kwh == pytest.approx(2.2)

    def test_a_log_ahead_sent_again_when_its_time_has_nearly_come_changes_nothing(self, charger: Watched) -> None:
        offset = 400.0
        first = charger.at + MINUTE + offset
        for tenth in range(10):
            charger.log(2 + tenth / 10, created=charger.at + MINUTE + offset)
        counted = charger.kwh
        charger.meter.gap()
        assert first - charger.at <= 300, "by now the first of them is no longer ahead"
        assert charger.log(2, created=first, after=0) is Verdict.OUT_OF_ORDER
        assert charger.kwh == counted
