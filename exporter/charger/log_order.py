"""The order of a charger's logs: whether a log is new, and when the charger wrote it.

Chargers may have wrong clocks and send logs again. `LogOrder` compares `createdAt` with that of the last log, and
turns it into a time that never goes back and runs at the speed of a clock.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

import msgspec

CLOCK_TOLERANCE_SECONDS: Final = 300.0
# A clock counts as set back after this many logs that advance at the pace at which they arrive.
LOGS_THAT_PROVE: Final = 3
# A log that is late by at most this many intervals, or this time, is out of order; the clock was not set back.
SHUFFLED_INTERVALS: Final = 5.0
SHUFFLED_SECONDS: Final = 60.0
# How many times of a clock that is ahead are kept, to detect logs that are sent again.
TIMES_AHEAD_REMEMBERED: Final = 128
# The largest growth of the delay, as a share of the elapsed time: the charger's clock may be slow.
LARGEST_DRIFT: Final = 0.001
# Logs closer together than this may be a backlog, which arrives in a burst, with the time of its arrival.
BURST_SECONDS: Final = 0.5

# Weight of a new interval in the smoothed usual interval.
INTERVAL_WEIGHT: Final = 0.125
# A charger that sent no log for this time and this number of usual intervals may have lost its connection.
SILENCE_SECONDS: Final = 120.0
SILENCE_INTERVALS: Final = 5.0


class Order(Enum):
    """How a log relates to the last one."""

    NEW = "new"
    CLOCK_RESET = "clock_reset"  # new; the clock was set back
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"


NEW: Final = Order.NEW


class LogOrderState(msgspec.Struct, gc=False, array_like=True):
    """The part of a LogOrder that is kept on disk. Times are unix seconds; None: no such log yet.

    Add fields as to KeptState, at the end.
    """

    # `createdAt` of the last new log that had one.
    created: float | None = None
    # When the last new log was written. If the charger's clock is more than five minutes ahead, stands still, or was
    # set back, the time advances by the exporter's clock.
    time: float | None = None
    # When the last new log was received.
    received: float = 0.0
    # The energy of the last new log that had a `createdAt`.
    energy: int | None = None
    # Seconds to add to `createdAt`.
    clock_shift: float = 0.0
    # The shortest time from `time` to the receipt, in seconds: network delay, and how far the clock is behind.
    delay: float = 0.0
    # The latest `createdAt` before the clock was set back: a log up to this time may be one that is sent again.
    created_before_reset: float | None = None
    # `createdAt` of the last logs of a clock that is ahead.
    times_ahead: tuple[float, ...] = ()


class LateLog(NamedTuple):
    """A log before the last one: when it was written and received."""

    created: float
    received: float


@dataclass(slots=True)
class LogOrder:
    """Takes the logs of one charger in the order in which they arrive."""

    # Changes in place: a commit encodes it as it is.
    kept: LogOrderState = field(default_factory=LogOrderState)
    # True if the charger may have lost its connection before the last new log.
    after_silence: bool = False
    # Seconds between new logs, smoothed; 0 is not known yet.
    _usual_interval: float = 0.0
    # The last logs that were not written after the last new one.
    _late: list[LateLog] = field(default_factory=list)

    def take(self, created: float | None, energy: int | None, now: float) -> Order:
        """Take a log and return whether it is new. `created` is its `createdAt`, `now` its receipt, in unix seconds."""
        if created is None:
            self._advance(self._time_at(now), now)
            return NEW
        kept = self.kept
        last = kept.created
        if last is None or created > last:
            order = self._take_forward(created, now)
        elif created == last:
            if energy == kept.energy:
                return Order.DUPLICATE
            # Another log: the clock has only seconds or minutes, or is stuck.
            self._advance(self._time_at(now), now)
            order = NEW
        elif kept.clock_shift < 0 and _is_right(created, now):
            order = self._take_forward(created, now)  # a clock that was ahead has been set right
        else:
            order = self._take_earlier(created, now)
        if order is NEW or order is Order.CLOCK_RESET:
            kept.created, kept.energy = created, energy
        return order

    def silence(self, now: float) -> float:
        """Return the seconds from the receipt of the last new log to `now`."""
        return max(now - self.kept.received, 0.0)

    def charger_time(self, now: float) -> float:
        """Return when a log that arrives now was written, if it was not delayed by more than the others."""
        return now - self.kept.delay

    def time_of(self, created: float) -> float:
        """Return when a log was written, by the clock of `kept.time`."""
        return created + self.kept.clock_shift

    def _take_forward(self, created: float, now: float) -> Order:
        """Take a log after the last one, or one of a clock that was ahead. It may have been sent again."""
        kept = self.kept
        if kept.times_ahead and created in kept.times_ahead:
            return Order.OUT_OF_ORDER
        time = created + kept.clock_shift
        if time > now + CLOCK_TOLERANCE_SECONDS or (kept.clock_shift < 0 and _is_right(created, now)):
            if kept.created_before_reset is not None and created <= kept.created_before_reset:
                return self._take_earlier(created, now)
            # Correct a clock that is ahead by a constant, until it is set right.
            time = created if _is_right(created, now) else self._time_at(now)
            kept.clock_shift = time - created
        if kept.clock_shift < 0:
            kept.times_ahead = (*kept.times_ahead, created)[-TIMES_AHEAD_REMEMBERED:]
        self._advance(time, now)
        return NEW

    def _take_earlier(self, created: float, now: float) -> Order:
        """Take a log before the last one: it was sent again, or the clock was set back."""
        kept = self.kept
        if created in kept.times_ahead:
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
        if abs(time - created - kept.clock_shift) <= max(SHUFFLED_INTERVALS * interval, SHUFFLED_SECONDS):
            return Order.OUT_OF_ORDER
        kept.created_before_reset = max(kept.created or created, kept.created_before_reset or created)
        kept.clock_shift = time - created
        self._advance(time, now)
        return Order.CLOCK_RESET

    def _time_at(self, now: float) -> float:
        """Return the time computed from the receipt alone."""
        return now if self.kept.time is None else self.kept.time + self.silence(now)

    def _advance(self, time: float, now: float) -> None:
        kept = self.kept
        last = kept.time
        if last is None:
            kept.delay = now - time
        else:
            time = max(time, last)
            interval, usual = time - last, self._usual_interval
            self.after_silence = usual > 0 and interval > max(SILENCE_SECONDS, SILENCE_INTERVALS * usual)
            if usual > 0:
                self._usual_interval += INTERVAL_WEIGHT * (min(interval, 4.0 * usual) - usual)
            else:
                self._usual_interval = interval
            kept.delay = min(now - time, kept.delay + LARGEST_DRIFT * interval)
        kept.time = time
        kept.received = now
        if self._late:
            self._late.clear()


def _is_right(created: float, now: float) -> bool:
    """Return whether the clock of a log that has just been written is right."""
    return abs(created - now) <= CLOCK_TOLERANCE_SECONDS


def are_at_pace(written_seconds: float, received_seconds: float) -> bool:
    """Return whether two logs, written and received this far apart, arrive at the pace at which they were written."""
    if received_seconds < BURST_SECONDS:
        return False
    return 0.5 * received_seconds <= written_seconds <= 2.0 * received_seconds
