"""The order of a charger's logs: whether a log is new, and when the charger wrote it.

Chargers may have wrong clocks and send logs again. `LogOrder` compares `createdAt` with that of the last log, and
turns it into a time that never goes back and runs at the speed of a clock.
"""

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

import msgspec

CLOCK_TOLERANCE_SECONDS: Final = 300.0
# A clock counts as set back after this many logs that advance at the pace at which they arrive.
LOGS_THAT_PROVE: Final = 3
# A log that is late by at most this many intervals, or this time, is out of order; the clock was not set back.
SHUFFLED_INTERVALS: Final = 5.0
SHUFFLED_SECONDS: Final = 60.0
# Number of times of a clock that is ahead that are kept, to detect a log that is sent again.
TIMES_AHEAD_REMEMBERED: Final = 128
# The largest growth of the delay, as a share of the elapsed time: the charger's clock may be slow.
LARGEST_DRIFT: Final = 0.001
# Logs that are received closer together than this may be a backlog, which arrives in a burst.
LEAST_INTERVAL_SECONDS: Final = 0.5

# Weight of a new interval in the smoothed usual interval.
INTERVAL_WEIGHT: Final = 0.125


class Order(Enum):
    """Whether a log is new."""

    NEW = "new"
    CLOCK_RESET = "clock_reset"  # new; the clock was set back
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"


NEW: Final = Order.NEW


class LogOrderState(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The part of a LogOrder that is kept on disk. Times in seconds.

    `created` and `energy` are of the last new log with a time; None: no such log yet.
    """

    created: float | None = None
    time: float | None = None
    received: float = 0.0
    energy: int | None = None
    clock_shift: float = 0.0
    delay: float = 0.0
    created_before_reset: float | None = None
    times_ahead: tuple[float, ...] = ()


class LateLog(NamedTuple):
    """A log before the last one: when it was written and received."""

    created: float
    received: float


class LogOrder:
    """Takes the logs of one charger in the order in which they arrive.

    `time` is when the last new log was written, in unix seconds by the charger's clock. If that clock is more than five
    minutes ahead, stands still, or was set back, `time` advances by the exporter's clock. `delay` is the shortest time
    from `time` to the receipt: the network delay plus the time by which the charger's clock is behind.
    """

    __slots__ = (
        "_clock_shift",
        "_created",
        "_created_before_reset",
        "_energy",
        "_late",
        "_received",
        "_times_ahead",
        "delay",
        "interval",
        "time",
        "usual_interval",
    )

    def __init__(self, state: LogOrderState | None = None) -> None:
        restored = state or LogOrderState()
        self.time = restored.time
        self.delay = restored.delay
        # Seconds between the last two new logs, and the smoothed value.
        self.interval = 0.0
        self.usual_interval = 0.0
        self._created = restored.created
        self._received = restored.received
        self._energy = restored.energy
        # Seconds to add to `createdAt`.
        self._clock_shift = restored.clock_shift
        # The latest `createdAt` before the clock was set back; a log sent again does not have a later one.
        self._created_before_reset = restored.created_before_reset
        self._times_ahead: deque[float] | None = None
        if restored.times_ahead:
            self._times_ahead = deque(restored.times_ahead, TIMES_AHEAD_REMEMBERED)
        self._late: list[LateLog] = []

    def state(self) -> LogOrderState:
        """Return the state to keep on disk."""
        return LogOrderState(
            self._created,
            self.time,
            self._received,
            self._energy,
            self._clock_shift,
            self.delay,
            self._created_before_reset,
            tuple(self._times_ahead) if self._times_ahead else (),
        )

    def take(self, created: float | None, energy: int | None, now: float) -> Order:
        """Take a log and return whether it is new. `created` is its `createdAt`, `now` its receipt, in unix seconds."""
        if created is None:
            self._advance(self._time_at(now), now)
            return NEW
        last = self._created
        if last is None or created > last:
            order = self._take_later(created, now)
        else:
            order = self._take_not_later(created, last, energy, now)
        if order is NEW or order is Order.CLOCK_RESET:
            self._created, self._energy = created, energy
        return order

    def silence(self, now: float) -> float:
        """Seconds from the receipt of the last new log to `now`."""
        return max(now - self._received, 0.0)

    def time_of(self, created: float) -> float:
        """When a log was written, by the clock of `time`."""
        return created + self._clock_shift

    def _take_not_later(self, created: float, last: float, energy: int | None, now: float) -> Order:
        """Take a log that was not written after the last one, by the charger's clock."""
        if created == last:
            if energy == self._energy:
                return Order.DUPLICATE
            # Another log: the clock has only seconds or minutes, or is stuck.
            self._advance(self._time_at(now), now)
            return NEW
        if self._clock_shift < 0 and _is_right(created, now):
            return self._take_later(created, now)  # a clock that was ahead has been set right
        return self._take_late(created, now)

    def _take_later(self, created: float, now: float) -> Order:
        """Take a log after the last one. It may be a log of a clock that is ahead, sent again."""
        if self._times_ahead is not None and created in self._times_ahead:
            return Order.OUT_OF_ORDER
        time = created + self._clock_shift
        if time > now + CLOCK_TOLERANCE_SECONDS or (self._clock_shift < 0 and _is_right(created, now)):
            before_reset = self._created_before_reset
            if before_reset is not None and created <= before_reset:
                return self._take_late(created, now)
            # Correct a clock that is ahead by a constant, until it is set right.
            time = created if _is_right(created, now) else self._time_at(now)
            self._clock_shift = time - created
        if self._clock_shift < 0:
            if self._times_ahead is None:
                self._times_ahead = deque(maxlen=TIMES_AHEAD_REMEMBERED)
            self._times_ahead.append(created)
        self._advance(time, now)
        return NEW

    def _take_late(self, created: float, now: float) -> Order:
        """Take a log before the last one: it was sent again, or the clock was set back."""
        if self._times_ahead is not None and created in self._times_ahead:
            return Order.OUT_OF_ORDER
        if self._late:
            last = self._late[-1]
            if not are_at_pace(created - last.created, now - last.received):
                self._late.clear()
        self._late.append(LateLog(created, now))
        if len(self._late) < LOGS_THAT_PROVE:
            return Order.OUT_OF_ORDER
        first = self._late.pop(0)
        interval = (created - first.created) / (LOGS_THAT_PROVE - 1)
        time = self._time_at(now)
        if abs(time - created - self._clock_shift) <= max(SHUFFLED_INTERVALS * interval, SHUFFLED_SECONDS):
            return Order.OUT_OF_ORDER
        self._created_before_reset = max(self._created or created, self._created_before_reset or created)
        self._clock_shift = time - created
        self._advance(time, now)
        return Order.CLOCK_RESET

    def _time_at(self, now: float) -> float:
        """The time computed from the receipt alone."""
        if self.time is None:
            return now
        return self.time + self.silence(now)

    def _advance(self, time: float, now: float) -> None:
        last = self.time
        if last is None:
            self.delay = now - time
        else:
            time = max(time, last)
            self.interval = interval = time - last
            usual = self.usual_interval
            self.usual_interval = usual + INTERVAL_WEIGHT * (min(interval, 4.0 * usual) - usual) if usual else interval
            self.delay = min(now - time, self.delay + LARGEST_DRIFT * (time - last))
        self.time = time
        self._received = now
        if self._late:
            self._late.clear()


def _is_right(created: float, now: float) -> bool:
    """Whether the clock of a log that has just been written is right."""
    return abs(created - now) <= CLOCK_TOLERANCE_SECONDS


def are_at_pace(written_seconds: float, received_seconds: float) -> bool:
    """Whether two logs, written and received this far apart, arrive at the pace at which they were written."""
    is_backlog = received_seconds < LEAST_INTERVAL_SECONDS
    return not is_backlog and 0.5 * received_seconds <= written_seconds <= 2.0 * received_seconds
