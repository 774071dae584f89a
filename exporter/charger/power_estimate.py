"""A charger's power, estimated from its energy: its peak, and the ratio of real to reported power."""

from typing import Final

import msgspec

# The least time and energy from which a power is computed.
WINDOW_SECONDS: Final = 60.0
WINDOW_JOULES: Final = 360_000
# Reported power below this may be in kW, so it is not used.
LEAST_KNOWN_WATTS: Final = 500.0
RISE_FACTOR: Final = 3.0
NEW_SESSION_FACTOR: Final = 1.5
# Logs closer together than this are a backlog that was stamped on arrival.
BURST_SECONDS: Final = 0.3
# Weight of a window in the smoothed ratio of energy to reported power.
RATIO_WEIGHT: Final = 0.3


class PowerState(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The part of a PowerEstimate that is kept on disk. Watts; None is unknown."""

    peak: float | None = None
    last_rate: float | None = None
    ratio: float | None = None
    highest_reported: float = 0.0


class PowerEstimate:
    """Learns from the readings of one charger, in order.

    A window runs from one change of the energy to a later one, so the power is right for meters that move in steps.
    """

    __slots__ = (
        "_at",
        "_energy",
        "_reported_joules",
        "_window_at",
        "_window_energy",
        "highest_reported",
        "last_rate",
        "peak",
        "ratio",
    )

    def __init__(self, state: PowerState | None = None) -> None:
        restored = state or PowerState()
        self.peak = restored.peak
        self.last_rate = restored.last_rate
        self.ratio = restored.ratio
        self.highest_reported = restored.highest_reported
        self._at = 0.0
        self._energy: int | None = None
        # The start of the window; `_window_energy` is None before the first change.
        self._window_at = 0.0
        self._window_energy: int | None = None
        # Power as reported, times time, since the window began.
        self._reported_joules = 0.0

    def state(self) -> PowerState:
        """Return the state to keep on disk."""
        return PowerState(self.peak, self.last_rate, self.ratio, self.highest_reported)

    def interrupt(self) -> None:
        """End the window, since readings may be missing."""
        self._energy = self._window_energy = None

    def observe(self, energy: int, at: float, reported: float | None) -> None:
        """Learn from a reading: joules, unix seconds, watts."""
        if reported is not None:
            self.highest_reported = max(self.highest_reported, reported)
            self._reported_joules += reported * (at - self._at)
        last, seconds = self._energy, at - self._at
        self._at = at
        if energy == last:
            return
        self._energy = energy
        if last is None or energy < last or seconds < BURST_SECONDS:
            self._window_energy = None
            return
        if self._window_energy is None:
            self._begin_window(energy, at)
            return
        seconds, joules = at - self._window_at, energy - self._window_energy
        if seconds >= WINDOW_SECONDS and joules >= WINDOW_JOULES:
            self._learn(joules / seconds, joules)
            self._begin_window(energy, at)

    def _begin_window(self, energy: int, at: float) -> None:
        self._window_energy = energy
        self._window_at = at
        self._reported_joules = 0.0

    def _learn(self, rate: float, joules: int) -> None:
        # Two windows must agree: one may have a wrong reading, or a backlog with the time of arrival.
        if self.last_rate is not None:
            confirmed = min(rate, self.last_rate)
            self.peak = max(self.peak or confirmed, confirmed)
        self.last_rate = rate
        if self._reported_joules > 0 and (self.peak is None or rate <= NEW_SESSION_FACTOR * self.peak):
            ratio = joules / self._reported_joules
            self.ratio = ratio if self.ratio is None else self.ratio + RATIO_WEIGHT * (ratio - self.ratio)

    def confirm(self, watts: float) -> None:
        """Accept a power above the likely limit, which three readings in a row have shown."""
        self.peak = max(self.peak or watts, watts)

    def rise_limit(self, hard_limit: float) -> float:
        """The highest likely power within a session."""
        return min(hard_limit, RISE_FACTOR * self._known(hard_limit))

    def new_session_limit(self, hard_limit: float) -> float:
        """The highest likely power of a new session."""
        return min(hard_limit, NEW_SESSION_FACTOR * self._known(hard_limit))

    def _known(self, hard_limit: float) -> float:
        if self.peak is not None:
            return self.peak
        return self.highest_reported if self.highest_reported >= LEAST_KNOWN_WATTS else hard_limit

    def flow(self, reported: float | None) -> float | None:
        """The power that the energy shows for a reported power, in watts; None is unknown."""
        if reported is not None and self.ratio is not None:
            return reported * self.ratio
        if reported is not None and reported >= LEAST_KNOWN_WATTS:
            return reported
        return self.last_rate
