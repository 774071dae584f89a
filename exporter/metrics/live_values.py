"""The values of a charger that an ordinary log may change, read together: one by one takes twice as long."""

from typing import Final

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import OFF

# In the order in which `live_values` returns them.
_NAMES: Final = (
    "up",
    "voltage_volts",
    "current_amperes",
    "power_watts",
    "total_joules",
    "excess_joules",
    "sessions",
    "session_joules",
    "session_start_unix",
    "last_log_unix",
    "accepted",
    "rejected",
    "last_event_unix",
)


def live_values(charger: Charger, now: Moment) -> tuple[float | None, ...]:
    """Return the values in the order of _NAMES; an unknown value is None."""
    readings, committed, meter = charger.readings, charger.committed, charger.meter
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
        committed.total_joules,
        None if committed.total_joules is None else committed.excess_joules,
        committed.sessions,
        meter.session_joules,
        charger.session_start_unix,
        meter.last_log_unix,
        readings.accepted,
        readings.rejected,
        charger.stream.last_event_unix,
    )


class Live:
    """Reads one live value, for a row of the table.

    The other values of a charger change only when its revision changes.
    """

    def __init__(self, name: str) -> None:
        self.place = _NAMES.index(name)

    def __call__(self, charger: Charger, now: Moment) -> float | None:
        """Return the value."""
        return live_values(charger, now)[self.place]
