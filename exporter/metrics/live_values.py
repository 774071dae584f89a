"""The values of a charger that change most often, read together: one by one takes twice as long.

An ordinary log may change the live values; a commit changes the durable ones.
"""

from collections.abc import Sequence
from typing import Final

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import OFF, ON

# In the order in which `live_values` and `durable_values` return them.
_LIVE: Final = (
    "up",
    "voltage_volts",
    "current_amperes",
    "power_watts",
    "session_joules",
    "session_start_unix",
    "last_log_unix",
    "accepted",
    "rejected",
    "last_event_unix",
)
_DURABLE: Final = ("total_joules", "excess_joules", "sessions")


def live_values(charger: Charger, now: Moment) -> tuple[float | None, ...]:
    """Return the values in the order of _LIVE; an unknown value is None."""
    readings, meter = charger.readings, charger.meter
    if now.monotonic <= readings.stale_at:
        volts, amperes, watts = readings.voltage_volts, readings.current_amperes, readings.power_watts
    else:
        volts = amperes = watts = None
    if charger.status is OFF:
        amperes = watts = 0.0
    return (
        charger.is_up(now),
        volts,
        amperes,
        watts,
        meter.session_joules,
        charger.session_start_unix if charger.status is ON else None,
        meter.last_log_unix,
        readings.accepted,
        readings.rejected,
        charger.stream.last_event_unix,
    )


def durable_values(chargers: Sequence[Charger]) -> list[list[float | None]]:
    """Return one list per name of _DURABLE, with the values of these chargers; an unknown value is None."""
    committed = [charger.committed for charger in chargers]
    return [
        [totals.total_joules for totals in committed],
        [None if totals.total_joules is None else totals.excess_joules for totals in committed],
        [totals.sessions for totals in committed],
    ]


class Live:
    """Reads one live value, for a row of the table."""

    def __init__(self, name: str) -> None:
        self.place = _LIVE.index(name)

    def __call__(self, charger: Charger, now: Moment) -> float | None:
        """Return the value."""
        return live_values(charger, now)[self.place]


class Durable:
    """Reads one durable value, for a row of the table."""

    def __init__(self, name: str) -> None:
        self.place = _DURABLE.index(name)

    def __call__(self, charger: Charger, _now: Moment) -> float | None:
        """Return the value."""
        return durable_values([charger])[self.place][0]
