"""What a charger's energy says of its power."""

import pytest

from exporter.charger.power_estimate import PowerEstimate

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
    assert (estimate.new_session_limit(HARD), estimate.rise_limit(HARD)) == (10_500, 21_000)


def test_below_500_watts_the_configured_limit_applies() -> None:
    estimate = PowerEstimate()
    estimate.observe(0, 0, 7.4)
    assert (estimate.new_session_limit(HARD), estimate.rise_limit(HARD)) == (HARD, HARD)


def test_a_peak_in_two_windows_of_energy_is_used() -> None:
    estimate = PowerEstimate()
    charge(estimate, 22_000, 70, reported=None)
    assert estimate.peak is None
    charge(PowerEstimate(), 22_000, 70, reported=None)
    charge(estimate, 22_000, 200, reported=None, start=10_000_000)
    assert estimate.peak == pytest.approx(22_000, rel=0.01)


def test_one_window_with_a_wrong_reading_does_not_raise_the_peak() -> None:
    estimate = PowerEstimate()
    energy = charge(estimate, 7200, 300, reported=None)
    estimate.observe(energy + 50 * 3_600_000, 370, None)
    estimate.observe(energy + 50 * 3_600_000 + 720_000, 470, None)
    assert estimate.peak == pytest.approx(7200, rel=0.01)


def test_no_window_spans_a_gap_or_a_burst() -> None:
    estimate = PowerEstimate()
    estimate.observe(0, 0.0, None)
    estimate.observe(100_000, 10.0, None)
    estimate.interrupt()
    estimate.observe(9_000_000, 80.0, None)
    estimate.observe(10_000_000, 80.1, None)
    assert estimate.last_rate is None


@pytest.mark.parametrize(("reported", "ratio"), [(2400.0, 3.0), (7.2, 1000.0), (7200.0, 1.0)])
def test_reported_power_is_scaled_by_the_energy(reported: float, ratio: float) -> None:
    estimate = PowerEstimate()
    charge(estimate, 7200, 300, reported=reported)
    assert estimate.ratio == pytest.approx(ratio, rel=0.02)
    assert estimate.flow(reported) == pytest.approx(7200, rel=0.02)


def test_without_reported_power_the_last_rate_of_energy_is_used() -> None:
    estimate = PowerEstimate()
    assert estimate.flow(None) is None
    charge(estimate, 7200, 300, reported=None)
    assert estimate.flow(None) == pytest.approx(7200, rel=0.01)
