"""When logs prove that a charger is on although its status is OFF."""

import pytest

from exporter.charger.events import Reading
from exporter.charger.readings import Readings
from tests.charger.meter.paces import PACES
from tests.charger.meter.situation import NOON


def proves(first: Reading, second: Reading, seconds: float = 10.0) -> bool:
    """Whether two logs prove it that are received this many seconds apart."""
    logs = Readings(None)
    assert not logs.prove_on(first, NOON)
    return logs.prove_on(second, NOON + seconds)


def log(written: float | None = None, energy: float | None = 5.0, current: float = 0.0, power: float = 0.0) -> Reading:
    return Reading(
        created_unix=None if written is None else NOON + written,
        session_energy_joules=energy,
        current_amperes=current,
        power_watts=power,
    )


@pytest.mark.parametrize(
    ("second", "on"),
    [
        (log(10, current=7.0), True),
        (log(10, power=1600.0), True),
        (log(10, energy=5.5), True),
        (log(10), False),
        (log(10, energy=4.5), False),
        (log(10, energy=None), False),
    ],
    ids=["current", "power", "energy rises", "energy stands still", "energy falls", "no energy"],
)
def test_current_power_or_rising_energy_prove_it(second: Reading, on: bool) -> None:
    assert proves(log(0), second) is on


def test_an_energy_without_one_before_it_proves_nothing() -> None:
    assert not proves(log(0, energy=None), log(10))


@pytest.mark.parametrize(("written", "received", "live"), PACES)
def test_a_backlog_which_does_not_arrive_at_its_own_pace_proves_nothing(
    written: float, received: float, live: bool
) -> None:
    assert proves(log(0), log(written, current=7.0), received) is live


@pytest.mark.parametrize(
    ("first", "second"),
    [(None, None), (None, 10.0), (0.0, None), (0.0, 0.0)],
    ids=["no times", "no first time", "no second time", "clock stands still"],
)
def test_without_a_running_clock_the_logs_count_as_live(first: float | None, second: float | None) -> None:
    assert proves(log(first), log(second, current=7.0))
