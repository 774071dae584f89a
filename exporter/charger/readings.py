"""The readings of a charger: how many came, the last one, and for how long it counts."""

import math

from exporter.charger.clock import Moment
from exporter.charger.events import Reading


class Readings:
    """Counts readings and tells whether the last one still says something about now. Ages are monotonic seconds."""

    __slots__ = ("_due_since", "_last", "_received_at", "accepted", "rejected", "stale_after_seconds")

    def __init__(self, stale_after_seconds: float) -> None:
        self.stale_after_seconds = stale_after_seconds
        self.accepted = 0
        self.rejected = 0
        self._last: Reading | None = None
        self._received_at = -math.inf
        # Since when a reading is due: the last one, or the switch to ON.
        self._due_since = math.inf

    def show(self, reading: Reading, now: Moment) -> None:
        """`reading` came just now and is the last one."""
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
