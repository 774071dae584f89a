"""The readings of a charger: how many came, the last one, and for how long it counts."""

import math
from typing import Final

from exporter.charger.clock import Moment
from exporter.charger.events import Reading

# The service does not document how often a charger logs, and chargers differ: from seconds to a quarter of an hour.
USUAL_INTERVALS: Final = 3
LEAST_STALE_AFTER_SECONDS: Final = 300.0
MOST_STALE_AFTER_SECONDS: Final = 3600.0
# The intervals between the last logs whose median is the usual one; with fewer than the least, it is not known.
KEPT_INTERVALS: Final = 7
LEAST_INTERVALS: Final = 3


class Readings:
    """Counts readings and tells whether the last one still says something about now. Ages are monotonic seconds."""

    __slots__ = ("_due_since", "_fixed", "_intervals", "_last", "_received_at", "_stale_after", "accepted", "rejected")

    def __init__(self, stale_after_seconds: float | None) -> None:
        self.accepted = 0
        self.rejected = 0
        self._last: Reading | None = None
        self._received_at = -math.inf
        # Since when a reading is due: the last one, or the switch to ON.
        self._due_since = math.inf
        self._intervals: list[float] = []
        self.configure(stale_after_seconds)

    def configure(self, stale_after_seconds: float | None) -> None:
        """Takes over how old the last reading may get; None follows the usual interval between readings."""
        self._fixed = stale_after_seconds
        self._stale_after = stale_after_seconds

    @property
    def stale_after_seconds(self) -> float:
        """How old the last reading may get."""
        if self._stale_after is None:
            usual = MOST_STALE_AFTER_SECONDS
            if len(self._intervals) >= LEAST_INTERVALS:
                usual = USUAL_INTERVALS * sorted(self._intervals)[len(self._intervals) // 2]
            self._stale_after = min(max(usual, LEAST_STALE_AFTER_SECONDS), MOST_STALE_AFTER_SECONDS)
        return self._stale_after

    def show(self, reading: Reading, now: Moment) -> None:
        """`reading` came just now and is the last one."""
        if self._last is not None:
            self._intervals.append(now.monotonic - self._received_at)
            if len(self._intervals) > KEPT_INTERVALS:
                del self._intervals[0]
            self._stale_after = self._fixed
        self._last = reading
        self._received_at = self._due_since = now.monotonic

    def switch(self, now: Moment, *, is_on: bool) -> None:
        """The charger was switched: readings from before say nothing about now. While it is on, one is due."""
        self._last = None
        if is_on:
            self._due_since = now.monotonic

    def fresh(self, now: Moment) -> Reading | None:
        """The last reading, unless it is too old."""
        return self._last if now.monotonic - self._received_at <= self.stale_after_seconds else None

    def is_overdue(self, now: Moment) -> bool:
        """Whether a charger that is on should have sent a reading by now."""
        return now.monotonic - self._due_since > self.stale_after_seconds

    def next_change(self, now: Moment) -> float:
        """The monotonic time at which a reading grows stale or overdue; infinite if that is past or never."""
        # The last reading is never older than the switch to ON.
        stale_at = self._due_since + self.stale_after_seconds
        return stale_at if stale_at >= now.monotonic else math.inf
