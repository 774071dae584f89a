"""What a charger's energy says of its power."""

import pytest

from exporter.charger.power_estimate import PowerEstimate, PowerState

HARD = 400_000.0


def charge(estimate: PowerEstimate, watts: float, seconds: int, *, reported: float | None, start: int = 0) -> int:
    """Readings each ten seconds; returns the energy of the last one."""
    energy = start
    for at in range(10, seconds + 1, 10):
        energy = start + round(watts * at)
        estimate.observe(energy, start + at, reported)
    return energy


def test_before_energy_shows_a_power_the_highest_reported_power_is_used() -> None:
    estimate = PowerEstimate()
    estimate.observe(0, 0, 7000.0)
    assert estimate.limits(HARD) == (21_000, 10_500, HARD)


@pytest.mark.parametrize(("reported", "limits", "flow"), [(7.4, (HARD, HARD), None), (500.0, (1500.0, 750.0), 500.0)])
def test_below_500_watts_the_configured_limit_applies(
    reported: float, limits: tuple[float, float], flow: float | None
) -> None:
    estimate = PowerEstimate()
    estimate.observe(0, 0, reported)
    assert estimate.limits(HARD) == (*limits, HARD)
    assert estimate.flow(reported) == flow


def test_a_peak_in_two_windows_of_energy_is_used() -> None:
    estimate = PowerEstimate()
    charge(estimate, 22_000, 70, reported=None)
    assert estimate.kept.peak is None
    charge(PowerEstimate(), 22_000, 70, reported=None)
    charge(estimate, 22_000, 200, reported=None, start=10_000_000)
    assert estimate.kept.peak == pytest.approx(22_000, rel=0.01)


def test_one_window_with_a_wrong_reading_does_not_raise_the_peak() -> None:
    estimate = PowerEstimate()
    energy = charge(estimate, 7200, 300, reported=None)
    estimate.observe(energy + 50 * 3_600_000, 370, None)
    estimate.observe(energy + 50 * 3_600_000 + 720_000, 470, None)
    assert estimate.kept.peak == pytest.approx(7200, rel=0.01)


def test_no_window_spans_a_gap_or_a_burst() -> None:
    estimate = PowerEstimate()
    estimate.observe(0, 0.0, None)
    estimate.observe(100_000, 10.0, None)
    estimate.interrupt()
    estimate.observe(9_000_000, 80.0, None)
    estimate.observe(10_000_000, 80.1, None)
    assert estimate.kept.last_rate is None


@pytest.mark.parametrize(
    ("seconds", "joules", "rate"),
    [(60, 360_000, 6000.0), (59, 360_000, None), (60, 359_999, None)],
    ids=["long enough", "too short", "too little energy"],
)
def test_a_window_has_at_least_a_minute_and_a_tenth_of_a_kwh(seconds: int, joules: int, rate: float | None) -> None:
    estimate = PowerEstimate()
    for energy, at in ((0, 0), (100_000, 10), (100_000 + joules, 10 + seconds)):
        estimate.observe(energy, at, None)
    assert estimate.kept.last_rate == rate


@pytest.mark.parametrize(("seconds", "rate"), [(0.5, 4000.0), (0.4, None)], ids=["logs", "a burst"])
def test_no_window_begins_in_a_burst(seconds: float, rate: float | None) -> None:
    estimate = PowerEstimate()
    for energy, at in ((0, 0.0), (100_000, seconds), (500_000, seconds + 100)):
        estimate.observe(energy, at, None)
    assert estimate.kept.last_rate == rate


def test_a_burst_ends_the_window() -> None:
    estimate = PowerEstimate()
    for energy, at in ((0, 1000.0), (100_000, 1010.0), (200_000, 1010.1), (300_000, 1020.0), (800_000, 1120.0)):
        estimate.observe(energy, at, None)
    assert estimate.kept.last_rate == 5000


def test_three_readings_in_a_row_confirm_a_higher_peak() -> None:
    estimate = PowerEstimate()
    for confirmed, peak in ((7200.0, 7200.0), (22_000.0, 22_000.0), (11_000.0, 22_000.0)):
        estimate.confirm(confirmed)
        assert estimate.kept.peak == peak


def test_readings_that_are_equal_confirm_no_peak() -> None:
    estimate = PowerEstimate()
    estimate.confirm(0.0)
    assert estimate.kept.peak is None


def window(estimate: PowerEstimate, joules: int, reported: float) -> None:
    """A window of 100 seconds, after a gap."""
    estimate.interrupt()
    for energy, at in ((0, 0), (100_000, 10), (100_000 + joules, 110)):
        estimate.observe(energy, at, reported)


def test_the_ratio_of_energy_to_reported_power_is_smoothed() -> None:
    estimate = PowerEstimate()
    window(estimate, 720_000, 7200.0)
    assert estimate.kept.ratio == 1
    window(estimate, 720_000, 3600.0)
    assert estimate.kept.ratio == 1 + 0.3


@pytest.mark.parametrize(("joules", "ratio"), [(1_080_000, 1 + 0.3 * 0.5), (1_080_001, 1)])
def test_a_power_that_is_not_likely_does_not_change_the_ratio(joules: int, ratio: float) -> None:
    estimate = PowerEstimate()
    window(estimate, 720_000, 7200.0)
    window(estimate, 720_000, 7200.0)
    assert estimate.kept.peak == 7200
    window(estimate, joules, 7200.0)
    assert estimate.kept.ratio == ratio


def test_it_is_kept_over_a_restart() -> None:
    state = PowerState(peak=7200.0, last_rate=7100.0, ratio=3.0, highest_reported=2400.0)
    assert PowerEstimate(state).kept == state


@pytest.mark.parametrize(
    ("reported", "ratio"),
    [(2400.0, 3.0), (7.2, 1000.0), (7200.0, 1.0), (0.0072, 1e6)],
    ids=["one phase of three", "kW", "W", "MW"],
)
def test_reported_power_is_scaled_by_the_energy(reported: float, ratio: float) -> None:
    estimate = PowerEstimate()
    charge(estimate, 7200, 300, reported=reported)
    assert estimate.kept.ratio == pytest.approx(ratio, rel=0.02)
    assert estimate.flow(reported) == pytest.approx(7200, rel=0.02)


def test_without_reported_power_the_last_rate_of_energy_is_used() -> None:
    estimate = PowerEstimate()
    assert estimate.flow(None) is None
    charge(estimate, 7200, 300, reported=None)
    assert estimate.flow(None) == pytest.approx(7200, rel=0.01)
