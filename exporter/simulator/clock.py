"""The simulated clock: it starts at a given time and runs `speed` times as fast as the real one."""

import time


class SimulatedClock:
    """A clock of seconds since its start; `epoch` is the simulated unix time of the start."""

    def __init__(self, epoch: float, speed: float) -> None:
        self.epoch = epoch
        self._speed = speed
        self._started: float | None = None

    def start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def now(self) -> float:
        """Return the simulated seconds since the start; 0 before it."""
        return 0.0 if self._started is None else (time.monotonic() - self._started) * self._speed
