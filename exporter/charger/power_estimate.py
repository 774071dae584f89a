"""A charger's power, estimated from its energy: its peak, and the ratio of real to reported power."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from exporter.charger.decision_input import Limits
from exporter.charger.log_order import BURST_SECONDS

# The least time and energy from which a power is computed.
WINDOW_SECONDS: Final = 60.0
WINDOW_JOULES: Final = 360_000
# Reported power below this may be in kW, so it is not used.
LEAST_KNOWN_WATTS: Final = 500.0
RISE_FACTOR: Final = 3.0
NEW_SESSION_FACTOR: Final = 1.5
# Weight of a window in the smoothed ratio of energy to reported power.
RATIO_WEIGHT: Final = 0.3


class PowerState(msgspec.Struct, gc=False, array_like=True):
    """The part of a PowerEstimate that is kept on disk. Watts; None is unknown.

    Add fields as to KeptState, at the end.
    """

    peak: float | None = None
    last_rate: float | None = None
    ratio: float | None = None
    highest_reported: float = 0.0


@dataclass(slots=True)
class PowerEstimate:
    """Learns from the readings of one charger, in order.

    A window runs from one change of the energy to a later one, so the power is right for meters that move in steps.
    """

    # Changes in place: a commit encodes it as it is.
    kept: PowerState = field(default_factory=PowerState)
    _at: float = field(default=0.0, init=False)
    _energy: int | None = field(default=None, init=False)
    # The start of the window; `_window_energy` is None before the first change.
    _window_at: float = field(default=0.0, init=False)
    _window_energy: int | None = field(default=None, init=False)
    # Power as reported, times time, since the window began.
    _reported_joules: float = field(default=0.0, init=False)

    def interrupt(self) -> None:
        """End the window, since readings may be missing."""
        self._energy = self._window_energy = None

    def observe(self, energy: int, at: float, reported: float | None) -> None:
        """Learn from a reading: joules, unix seconds, watts."""
        seconds = at - self._at
        self._at = at
        if reported is not None:
            self.kept.highest_reported = max(self.kept.highest_reported, reported)
            self._reported_joules += reported * seconds
        last = self._energy
        if energy == last:
            return
        self._energy = energy
        if last is None or energy < last or seconds < BURST_SECONDS:
            self._window_energy = None
            return
        if self._window_energy is None:
            self._begin_window(energy, at)
            return
        window, joules = at - self._window_at, energy - self._window_energy
        if window >= WINDOW_SECONDS and joules >= WINDOW_JOULES:
            self._learn(joules / window, joules)
            self._begin_window(energy, at)

    def _begin_window(self, energy: int, at: float) -> None:
        self._window_energy = energy
        self._window_at = at
        self._reported_joules = 0.0

    def _learn(self, rate: float, joules: int) -> None:
        kept = self.kept
        # Two windows must agree: one may have a wrong reading, or a backlog with the time of arrival.
        if kept.last_rate is not None:
            self.confirm(min(rate, kept.last_rate))
        kept.last_rate = rate
        if self._reported_joules > 0 and (kept.peak is None or rate <= NEW_SESSION_FACTOR * kept.peak):
            ratio = joules / self._reported_joules
            kept.ratio = ratio if kept.ratio is None else kept.ratio + RATIO_WEIGHT * (ratio - kept.ratio)

    def confirm(self, watts: float) -> None:
        """Accept a power that two windows, or three readings in a row, have shown."""
        # Readings that are equal show a power of 0, which is not a peak.
        if watts > 0:
            self.kept.peak = max(self.kept.peak or watts, watts)

    def limits(self, hard: float) -> Limits:
        """Return the highest powers, of which `hard` is as configured."""
        kept = self.kept
        known = kept.peak or (kept.highest_reported if kept.highest_reported >= LEAST_KNOWN_WATTS else hard)
        return Limits(min(hard, RISE_FACTOR * known), min(hard, NEW_SESSION_FACTOR * known), hard)

    def flow(self, reported: float | None) -> float | None:
        """Return the power that the energy shows for a reported power, in watts; None is unknown."""
        if reported is not None and self.kept.ratio is not None:
            return reported * self.kept.ratio
        if reported is not None and reported >= LEAST_KNOWN_WATTS:
            return reported
        return self.kept.last_rate
