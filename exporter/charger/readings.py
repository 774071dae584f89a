"""The readings of a charger: their number, the last one, and its maximum age."""

import math
from dataclasses import dataclass, field
from typing import Final

from exporter.charger.clock import Moment
from exporter.charger.events import Reading
from exporter.charger.log_order import are_at_pace

# The vendor does not document how often a charger logs. Chargers differ: from seconds to a quarter of an hour.
USUAL_INTERVALS: Final = 3
LEAST_STALE_AFTER_SECONDS: Final = 300.0
MOST_STALE_AFTER_SECONDS: Final = 3600.0
# The usual interval is the median of the last KEPT_INTERVALS; it is unknown until there are LEAST_INTERVALS.
KEPT_INTERVALS: Final = 7
LEAST_INTERVALS: Final = 3


@dataclass(slots=True)
class Readings:
    """Counts readings and keeps the values of the last one; None is not known."""

    # The maximum age of the last reading; None is three times the usual interval between readings.
    stale_after_seconds: float | None
    accepted: int = 0
    rejected: int = 0
    # After this time, in monotonic seconds, the values are too old to be shown, and a charger that is on is down.
    stale_at: float = math.inf
    voltage_volts: float | None = None
    current_amperes: float | None = None
    power_watts: float | None = None
    # The maximum age in use.
    _limit: float = MOST_STALE_AFTER_SECONDS
    # The time of the last reading, or of the switch to ON.
    _due_since: float = math.inf
    # True if there was a reading since the switch to ON.
    _has_last: bool = False
    # The last reading since the switch to OFF, and its receipt in unix seconds.
    _while_off: tuple[Reading, float] | None = None
    _intervals: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.configure(self.stale_after_seconds)

    def configure(self, stale_after_seconds: float | None) -> None:
        """Set the maximum age of the last reading."""
        self.stale_after_seconds = stale_after_seconds
        self._limit = self._usual() if stale_after_seconds is None else stale_after_seconds
        self.stale_at = self._due_since + self._limit

    def show(self, reading: Reading, now: Moment) -> None:
        """Show the values of a reading that came now."""
        if self._has_last and self.stale_after_seconds is None:
            self._learn(now.monotonic - self._due_since)
        self._has_last = True
        self.voltage_volts = reading.voltage_volts
        self.current_amperes = reading.current_amperes
        self.power_watts = reading.power_watts
        self._due_since = now.monotonic
        self.stale_at = now.monotonic + self._limit

    def switch(self, now: Moment, *, is_on: bool) -> None:
        """Forget the last reading, which was before the switch. While the charger is on, one is due."""
        self._has_last = False
        self._while_off = None
        self.voltage_volts = self.current_amperes = self.power_watts = None
        if is_on:
            self._due_since = now.monotonic
            self.stale_at = now.monotonic + self._limit

    def prove_on(self, reading: Reading, now: float) -> bool:
        """Take a reading of a charger that is OFF; return whether it is in fact ON.

        An OFF document may be old, or an ON event lost. Two readings in a row prove it if both are live, and the second
        has current or power, or more energy than the first.
        """
        last, self._while_off = self._while_off, (reading, now)
        return last is not None and _are_live(last[0], reading, now - last[1]) and _flows(last[0], reading)

    def _learn(self, interval: float) -> None:
        self._intervals.append(interval)
        if len(self._intervals) > KEPT_INTERVALS:
            del self._intervals[0]
        # Skip the median while the limit has its lowest value, as for nearly every charger, and the interval is short.
        if self._limit > LEAST_STALE_AFTER_SECONDS or interval * USUAL_INTERVALS > LEAST_STALE_AFTER_SECONDS:
            self._limit = self._usual()

    def _usual(self) -> float:
        if len(self._intervals) < LEAST_INTERVALS:
            return MOST_STALE_AFTER_SECONDS
        median = sorted(self._intervals)[len(self._intervals) // 2]
        return min(max(USUAL_INTERVALS * median, LEAST_STALE_AFTER_SECONDS), MOST_STALE_AFTER_SECONDS)


def _are_live(last: Reading, reading: Reading, received_seconds: float) -> bool:
    written_seconds = received_seconds
    # Without a running clock, there is no evidence that the logs are old.
    if last.created_unix is not None and reading.created_unix is not None and reading.created_unix != last.created_unix:
        written_seconds = reading.created_unix - last.created_unix
    return are_at_pace(written_seconds, received_seconds)


def _flows(last: Reading, reading: Reading) -> bool:
    if reading.current_amperes or reading.power_watts:
        return True
    before, now = last.session_energy_joules, reading.session_energy_joules
    return before is not None and now is not None and now > before
