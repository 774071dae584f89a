"""How sessions begin and end, as the list of sessions has it."""

import pytest

from exporter.charger.outcome import Verdict
from exporter.charger.sessions import KnownBy
from tests.charger.meter.metered import Metered, Row
from tests.charger.meter.situation import ALICE, BOB

STATUS, LOG, USER = KnownBy.STATUS, KnownBy.LOG, KnownBy.USER
ASSUMED = KnownBy.ASSUMED


def test_switches_to_on_and_off_begin_and_end_a_session_by_the_chargers_clock() -> None:
    charger = Metered(delay=5)
    charger.log(0.5, 0)
    charger.log(0.6, 10)
    charger.off(25)
    charger.on(35)
    charger.log(0.02, 40)
    assert charger.rows == [Row(0.6, 0, LOG, 20, STATUS), Row(0.02, 30, STATUS)]


def test_a_session_does_not_end_before_its_last_log() -> None:
    charger = Metered(delay=5)
    charger.log(0.5, 0)
    charger.log(0.6, 10)
    charger.off(14)
    assert charger.rows == [Row(0.6, 0, LOG, 10, STATUS)]


def test_a_session_does_not_begin_after_its_first_log() -> None:
    charger = Metered()
    charger.log(0.5, 0)
    charger.off(10)
    charger.on(20)
    charger.log(0.02, 15)
    assert charger.rows[-1] == Row(0.02, 15, STATUS)


def test_a_session_that_continues_after_a_pause_has_not_ended() -> None:
    charger = Metered()
    charger.log(0.5, 0)
    charger.off(10)
    charger.log(0.6, 20)
    assert charger.rows == [Row(0.6, 0, LOG)]


def test_another_user_ends_a_session_at_its_last_log_and_begins_one() -> None:
    charger = Metered()
    charger.log(1.0, 0, user=ALICE)
    charger.log(0.5, 3600, user=BOB, watts=1800.0)
    assert charger.rows == [Row(1.0, 0, LOG, 0, USER), Row(0.5, 3600, USER)]


def test_if_a_new_session_is_doubtful_neither_row_is_certain() -> None:
    charger = Metered()
    charger.log(1.0, 0, user=ALICE)
    charger.log(3.0, 3600, user=BOB)
    assert charger.rows == [Row(1.0, 0, LOG, 0, USER, certain=False), Row(3.0, 3600, USER, certain=False)]


@pytest.mark.parametrize(
    ("watts", "began", "began_by"),
    [(30_000.0, 3540, LOG), (20_000.0, 3510, ASSUMED), (1800.0, 2600, ASSUMED), (500.0, 0, ASSUMED), (None, 3600, LOG)],
    ids=["a minute ago", "longer ago", "long ago", "not before the last log", "power not known"],
)
def test_the_start_of_a_session_after_a_gap_is_computed_from_its_power(
    watts: float | None, began: float, began_by: KnownBy
) -> None:
    charger = Metered()
    charger.log(5.0, 0)
    charger.gap()
    charger.log(0.5, 3600, watts=watts)
    assert charger.rows[-1] == Row(0.5, began, began_by)


def test_a_late_log_shows_a_session_between_two_others() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.gap()
    charger.log(0.1, 600)
    charger.log(0.3, 300, received=600.5)
    assert charger.rows == [
        Row(1.0, 0, LOG, 0, LOG),
        Row(0.3, 300, LOG, 300, LOG, certain=False),
        Row(0.1, 600, LOG),
    ]


def test_a_late_log_with_what_the_current_session_may_have_had_by_then_is_ignored() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.gap()
    for kwh, at in ((0.1, 600), (0.2, 720), (0.3, 840), (0.4, 960), (3.0, 3600)):
        charger.log(kwh, at)
    charger.log(0.12, 300, received=3605)
    assert [row.kwh for row in charger.rows] == [1.0, 3.0]


def test_a_late_log_from_before_readings_that_are_too_low_continues_the_session() -> None:
    charger = Metered()
    charger.log(2.0, 0)
    charger.log(0.02, 100)
    charger.log(2.1, 50, received=105)
    assert charger.total == 2.1
    charger.log(0.04, 110)
    charger.log(0.06, 120)
    assert [row.kwh for row in charger.rows] == [2.1, 0.06]


def test_after_such_a_late_log_a_reading_that_fits_ends_the_run_of_low_ones() -> None:
    charger = Metered()
    for kwh, at in ((2.0, 0), (0.02, 100)):
        charger.log(kwh, at)
    charger.log(2.1, 50, received=105)
    for kwh, at in ((2.12, 110), (0.04, 120), (0.06, 130)):
        charger.log(kwh, at)
    assert [row.kwh for row in charger.rows] == [2.12]


def test_a_late_log_from_before_readings_that_are_too_high_is_ignored() -> None:
    charger = Metered()
    charger.log(2.0, 0)
    charger.log(50.0, 100)
    charger.log(2.1, 50, received=105)
    assert charger.total == 2.0


def test_a_merged_session_continues_and_is_not_certain() -> None:
    charger = Metered()
    charger.log(5.0, 0)
    charger.gap()
    charger.log(0.0, 60)
    charger.log(5.3, 120)
    assert charger.rows == [Row(5.3, 0, LOG, certain=False)]


@pytest.mark.parametrize(
    ("energies", "verdict"),
    [
        ((0.0, 0.02, 0.04), Verdict.ACCEPTED),
        ((0.0, 0.02, 0.04, 0.06), Verdict.IMPLAUSIBLE),
        ((0.0, 0.02, 0.02, 0.02), Verdict.ACCEPTED),
    ],
    ids=["two rises", "three rises", "one rise"],
)
def test_a_session_that_has_risen_three_times_is_not_merged(energies: tuple[float, ...], verdict: Verdict) -> None:
    charger = Metered()
    charger.log(5.0, 0)
    charger.gap()
    for number, kwh in enumerate(energies):
        charger.log(kwh, 60 + 10 * number)
    assert charger.log(5.3, 110) is verdict


def test_after_a_merge_all_evidence_is_kept() -> None:
    charger = Metered()
    charger.log(5.0, 0)
    charger.off(10)
    charger.log(0.0, 20)
    charger.gap()
    charger.log(5.3, 30)
    charger.log(0.5, 3600, watts=1800.0)
    assert charger.rows[-1] == Row(0.5, 2600, ASSUMED)


def test_after_a_merge_the_evidence_on_which_the_glitch_began_is_kept() -> None:
    charger = Metered()
    charger.log(5.0, 0)
    charger.off(10)
    for kwh, at in ((0.0, 20), (5.3, 30), (0.02, 40)):
        charger.log(kwh, at)
    assert [row.kwh for row in charger.rows] == [5.3, 0.02]


def test_a_merge_adds_no_evidence_of_a_switch_to_on() -> None:
    charger = Metered()
    charger.log(5.0, 0, user=ALICE)
    charger.gap()
    for kwh, at, user in ((0.0, 60, ALICE), (5.3, 120, ALICE), (5.33, 130, BOB), (5.36, 140, BOB), (5.4, 150, BOB)):
        charger.log(kwh, at, user=user)
    assert [row.kwh for row in charger.rows] == [5.4]


def test_a_session_of_another_user_is_not_merged_while_that_user_charges() -> None:
    charger = Metered()
    for kwh, at, user in ((5.0, 0, ALICE), (0.5, 3600, BOB), (5.1, 7200, BOB)):
        charger.log(kwh, at, user=user)
    assert [row.kwh for row in charger.rows] == [5.0, 5.1]


def test_a_reading_that_fits_ends_a_run_of_low_ones() -> None:
    charger = Metered()
    for number, kwh in enumerate((2.0, 2.02, 0.02, 2.04, 0.04, 0.06)):
        charger.log(kwh, 10 * number)
    assert [row.kwh for row in charger.rows] == [2.04]


def test_a_session_that_may_be_two_is_not_certain() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.gap()
    charger.log(1.2, 3600)
    assert charger.rows == [Row(1.2, 0, LOG, certain=False)]


def test_a_log_with_the_time_of_the_switch_to_off_does_not_continue_the_session() -> None:
    charger = Metered()
    charger.log(0.5, 0)
    charger.off(10)
    charger.log(0.6, 10)
    assert charger.rows == [Row(0.6, 0, LOG, 10, STATUS)]


def test_the_peak_is_the_highest_power_of_the_accepted_logs() -> None:
    charger = Metered()
    peaks = []
    for number, (kwh, watts) in enumerate(
        [(0.0, 7000.0), (0.4, 7200.0), (50.0, 9000.0), (0.42, 7100.0), (0.6, 7300.0)]
    ):
        charger.log(kwh, 60 * number, watts=watts)
        peaks += [each.peak_watts for each in charger.meter.list.revisable()]
    assert peaks == [7200, 7200, 7200, 7300]


@pytest.mark.parametrize("energies", [(0.0, 5.1), (9.0, 9.1, 9.2)], ids=["after a glitch", "after a jump"])
def test_the_log_that_continues_a_session_may_have_its_highest_power(energies: tuple[float, ...]) -> None:
    charger = Metered()
    charger.log(5.0, 0, watts=7000.0)
    charger.gap()
    for number, kwh in enumerate(energies, 1):
        charger.log(kwh, 60 * number, watts=7000.0 + number)
    assert [each.peak_watts for each in charger.meter.list.revisable()] == [7000 + len(energies)]


def test_five_minutes_after_a_gap_a_burst_is_not_its_backlog() -> None:
    charger = Metered()
    charger.log(1.0, 0)
    charger.gap()
    for at in (60, 160, 260, 361, 461):
        assert charger.log(1.02 + at / 5000, at) is Verdict.ACCEPTED
    assert charger.log(4.0, 462) is Verdict.IMPLAUSIBLE


class TestAChargerThatNeverResets:
    """A session begins where the last one ended, once the logs of another user rise from there."""

    @pytest.fixture
    def charger(self) -> Metered:
        charger = Metered()
        charger.log(5.0, 0, user=ALICE)
        charger.off(10)
        charger.on(900)
        # The last energy of the session before, of which no log was received.
        charger.log(5.05, 910, user=BOB)
        return charger

    def test_the_first_log_of_the_other_user_shows_how_the_session_before_ended(self, charger: Metered) -> None:
        assert [row.kwh for row in charger.rows] == [5.05]

    @pytest.mark.parametrize(
        ("kwh", "energies"), [(5.07, [5.07]), (5.08, [5.05, 0.03])], ids=["rounding", "more than rounding"]
    )
    def test_a_session_begins_once_the_logs_rise_by_more_than_rounding(
        self, charger: Metered, kwh: float, energies: list[float]
    ) -> None:
        charger.log(kwh, 920, user=BOB)
        assert [row.kwh for row in charger.rows] == energies
        assert charger.total == kwh

    @pytest.mark.parametrize("logs", [(5.5, 5.51), (5.51,)], ids=["the old energy first", "risen already"])
    def test_the_next_session_begins_at_its_first_rise(self, charger: Metered, logs: tuple[float, ...]) -> None:
        charger.log(5.5, 1000, user=BOB)
        charger.off(1010)
        charger.on(1900)
        for number, kwh in enumerate(logs):
            charger.log(kwh, 1910 + 10 * number, user=BOB)
        assert [row.kwh for row in charger.rows] == [5.05, 0.45, 0.01]


def test_a_session_goes_on_after_a_pause_if_the_user_is_the_same() -> None:
    charger = Metered()
    charger.log(5.0, 0, user=ALICE)
    charger.off(10)
    charger.on(900)
    for kwh, at in ((5.05, 910), (5.08, 920)):
        charger.log(kwh, at, user=ALICE)
    assert [row.kwh for row in charger.rows] == [5.08]


class TestAJump:
    @pytest.mark.parametrize(("seconds", "peak"), [(30, 60_000), (29, None)], ids=["a minute", "less"])
    def test_three_readings_over_a_minute_confirm_their_power(self, seconds: float, peak: float | None) -> None:
        charger = Metered(max_power_watts=400_000.0)
        charger.log(0.5, 0, watts=7200.0)
        for number, kwh in enumerate((9.0, 9.5, 10.0)):
            charger.log(kwh, 30 + seconds * number, watts=7200.0)
        assert charger.total == 10.0
        assert charger.meter.state().power.peak == peak

    def test_what_two_jumps_set_aside_adds_up(self) -> None:
        charger = Metered()
        charger.log(1.0, 0)
        for at, kwh in enumerate((50.0, 50.0, 50.0, 150.0, 150.0, 150.0)):
            charger.log(kwh, 10 + 10 * at)
        assert charger.total == 1.0
        assert charger.meter.state().set_aside_joules == 149 * 3_600_000
        assert charger.rows == [Row(150.0, 0, LOG, certain=False)]
