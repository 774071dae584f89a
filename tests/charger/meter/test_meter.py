"""What the meter makes of the order, the values and the silence of logs."""

import math

import pytest

from exporter.charger.decision_input import Evidence
from exporter.charger.events import Reading
from exporter.charger.meter import EnergyMeter
from exporter.charger.outcome import Judgement, Verdict
from tests.charger.meter.metered import KWH, Metered, Row
from tests.charger.meter.situation import ALICE, BOB, NOON


def kwh_of_rows(charger: Metered) -> list[float]:
    return [row.kwh for row in charger.rows]


@pytest.mark.parametrize(
    ("joules", "verdict"),
    [(None, Verdict.ACCEPTED), (math.nan, Verdict.INVALID), (-1.0, Verdict.INVALID), (1.1e13, Verdict.INVALID)],
)
def test_a_log_without_an_energy_is_accepted_and_an_invalid_energy_is_not(
    joules: float | None, verdict: Verdict
) -> None:
    meter = EnergyMeter(40_000)
    assert meter.observe(Reading(session_energy_joules=joules, created_unix=NOON), NOON).verdict is verdict
    assert meter.total_joules is None


def test_a_log_is_judged_by_its_order_first() -> None:
    charger = Metered()
    assert charger.log(1.0, 10) is Verdict.ACCEPTED
    assert charger.log(1.0, 10) is Verdict.DUPLICATE
    assert charger.log(2.0, 5, received=11) is Verdict.OUT_OF_ORDER
    assert charger.log(1.02, 10, received=12) is Verdict.ACCEPTED
    assert charger.total == 1.02


def test_a_dip_is_held_and_judged() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    outcome = charger.outcome(0.5, 10)
    assert (outcome.verdict, outcome.reason) == (Verdict.ENERGY_GLITCH, "0.50 kWh after 1.00 kWh")
    assert [each.judgement for each in outcome.judged] == [Judgement.DIP]


def test_a_clock_that_was_set_back_is_judged() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.log(1.01, 10)
    outcomes = [
        charger.outcome(kwh, at - 3600, received=at) for kwh, at in ((1.02, 20), (1.04, 30), (1.06, 40), (1.08, 50))
    ]
    assert [[each.judgement for each in outcome.judged] for outcome in outcomes] == [
        [],
        [],
        [Judgement.CLOCK_RESET],
        [],
    ]
    assert outcomes[2].judged[0].text == "at 1.06 kWh: the charger's clock was set back"
    assert charger.total == 1.08


def test_a_clock_that_was_set_back_and_another_doubt_are_both_judged() -> None:
    charger = Metered()
    charger.log(1.0, 10)
    charger.gap()
    outcomes = [charger.outcome(1.2, at - 7200, received=at) for at in (3600, 3610, 3620)]
    assert [each.judgement for each in outcomes[2].judged] == [Judgement.CLOCK_RESET, Judgement.RESUMED]


class TestSilence:
    """A charger that was silent for long may have begun another session; then a fall is one."""

    @pytest.mark.parametrize(
        ("interval", "silence", "new"),
        [(10, 120, False), (10, 121, True), (60, 300, False), (60, 301, True)],
        ids=["two minutes", "more than two minutes", "five intervals", "more than five intervals"],
    )
    def test_it_lasts_more_than_two_minutes_and_five_usual_intervals(
        self, interval: float, silence: float, new: bool
    ) -> None:
        charger = Metered()
        for number in range(4):
            charger.log(1.0 + number / 100, interval * number)
        charger.log(0.2, interval * 3 + silence)
        assert kwh_of_rows(charger) == ([1.03, 0.2] if new else [1.03])

    @pytest.mark.parametrize("kwh", [None, math.nan], ids=["no energy", "not a number"])
    def test_a_first_log_without_an_energy_does_not_hide_it(self, kwh: float | None) -> None:
        charger = Metered()
        for number in range(4):
            charger.log(1.0 + number / 100, 10 * number)
        charger.log(kwh, 1000)
        charger.log(0.2, 1010)
        assert kwh_of_rows(charger) == [1.03, 0.2]

    def test_before_the_second_log_no_interval_is_usual(self) -> None:
        charger = Metered()
        charger.log(1.0, 0)
        charger.log(0.2, 3600)
        assert kwh_of_rows(charger) == [1.0]


class TestASmallRise:
    """Most logs rise a little in mid-session: no decision is needed."""

    @pytest.fixture
    def charger(self) -> Metered:
        charger = Metered()
        for number in range(3):
            charger.log(1.0 + number / 100, 10 * number, user=ALICE, watts=7000.0)
        return charger

    @pytest.mark.parametrize(
        ("kwh", "verdict"),
        [(1.12, Verdict.ACCEPTED), (1.02, Verdict.ACCEPTED), (1.01, Verdict.ACCEPTED), (1.25, Verdict.IMPLAUSIBLE)],
        ids=["a tenth of a kWh", "nothing", "rounding", "more than flows in ten seconds"],
    )
    def test_a_rise_is_accepted_as_far_as_it_is_possible(self, charger: Metered, kwh: float, verdict: Verdict) -> None:
        assert charger.log(kwh, 30, user=ALICE) is verdict
        assert charger.total == (max(kwh, 1.02) if verdict is Verdict.ACCEPTED else 1.02)

    @pytest.mark.parametrize(("second", "energies"), [(ALICE, [0.13, 0.4]), (BOB, [0.4])], ids=["one", "several"])
    def test_another_user_is_no_evidence_once_logs_have_named_several(self, second: int, energies: list[float]) -> None:
        charger = Metered()
        for kwh, at, user in (
            (0.1, 0, ALICE),
            (0.11, 10, ALICE),
            (0.12, 20, second),
            (0.13, 30, ALICE),
            (0.4, 68, BOB),
        ):
            charger.log(kwh, at, user=user)
        assert kwh_of_rows(charger) == energies

    def test_the_peak_follows_the_highest_power(self, charger: Metered) -> None:
        peaks = []
        for number, watts in enumerate((6900.0, 7200.0, 7100.0, None)):
            charger.log(1.04 + number / 100, 30 + 10 * number, user=ALICE, watts=watts)
            peaks += [each.peak_watts for each in charger.meter.list.revisable()]
        assert peaks == [7000, 7200, 7200, 7200]

    def test_the_first_log_and_the_first_log_after_a_gap_may_have_the_highest_power(self) -> None:
        charger = Metered()
        peaks = []
        for number, watts in enumerate((7200.0, 7100.0, 7400.0)):
            charger.log(1.0 + number / 100, 10 * number, user=ALICE, watts=watts)
            peaks += [each.peak_watts for each in charger.meter.list.revisable()]
            charger.meter.gap()
        assert peaks == [7200, 7200, 7400]


def test_the_running_session_has_begun_once_it_has_delivered_energy_and_until_it_ends() -> None:
    charger = Metered()
    began = [charger.meter.session_began_unix]
    for kwh, at in ((0.0, 0), (0.02, 10)):
        charger.log(kwh, at)
        began.append(charger.meter.session_began_unix)
    charger.off(20)
    began.append(charger.meter.session_began_unix)
    assert began == [None, None, NOON, None]


def test_a_changed_max_power_watts_applies_to_the_next_log() -> None:
    charger = Metered(max_power_watts=400_000.0)
    charger.log(1.0, 0)
    charger.meter.configure(20_000)
    assert charger.log(2.0, 60) is Verdict.IMPLAUSIBLE


def test_everything_is_kept_over_a_restart() -> None:
    charger = Metered()
    for kwh, at in ((1.0, 0), (60.0, 10), (60.0, 20), (60.0, 30)):
        charger.log(kwh, at, watts=7000.0)
    for start in (1000, 2000, 3000):
        charger.off(start)
        charger.on(start + 10)
        for number in range(12):
            charger.log(number / 10, start + 20 + 60 * number, watts=7000.0)
    charger.off(3900)
    charger.on(3910)
    charger.document(None, 3920, previous=1.1)
    before, rows = charger.meter.state(), charger.rows
    charger.restart()
    assert charger.meter.state() == before
    assert charger.rows == rows[-len(charger.rows) :]
    assert before.settled_set_aside_joules > 0
    assert before.switched_on_unix == NOON + 3910
    assert before.reported_previous == pytest.approx(1.1 * KWH)
    assert before.evidence == Evidence.OFF | Evidence.ON | Evidence.ENDED
    assert charger.meter.list.last_number == charger.meter.list.listed == 4


def test_a_restart_is_a_gap() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.restart()
    charger.log(0.2, 60)
    assert charger.total == 1.2


def test_a_new_meter_has_no_total_after_a_restart_either() -> None:
    charger = Metered()
    charger.restart()
    assert charger.meter.total_joules is None
    assert charger.meter.list.excess == 0
    assert charger.rows == list[Row]()


def test_a_total_that_was_set_by_hand_is_kept_across_a_restart() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.meter = EnergyMeter(charger.max_power_watts, charger.meter.state().with_total(5 * KWH))
    charger.restart()
    assert charger.total == 5.0
    assert charger.meter.list.excess == 0
    charger.log(1.5, 600)
    assert charger.total == 5.5
