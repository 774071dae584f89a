"""Logs of a charger that is taken for OFF, and when they prove that it is ON."""

from typing import Final

from exporter.charger.events import Reading

# Logs closer together than this may be a backlog.
LEAST_INTERVAL_SECONDS: Final = 0.5


class LogsWhileOff:
    """A document that is out of date or a lost ON must not hide a charging car."""

    __slots__ = ("_last", "_received")

    def __init__(self) -> None:
        self._last: Reading | None = None
        self._received = 0.0

    def prove_on(self, reading: Reading, now: float) -> bool:
        """Whether the last two logs show a charger that is on: they come as they are written, and something flows."""
        last, received = self._last, self._received
        self._last, self._received = reading, now
        if last is None:
            return False
        return _is_live(last, reading, now - received) and _flows(last, reading)


def _is_live(last: Reading, reading: Reading, received_seconds: float) -> bool:
    if received_seconds < LEAST_INTERVAL_SECONDS:
        return False
    if last.created_unix is None or reading.created_unix is None or reading.created_unix == last.created_unix:
        return True  # without a clock that runs, nothing says that they are old
    written_seconds = reading.created_unix - last.created_unix
    return 0.5 * received_seconds <= written_seconds <= 2.0 * received_seconds


def _flows(last: Reading, reading: Reading) -> bool:
    if reading.current_amperes or reading.power_watts:
        return True
    before, now = last.session_energy_joules, reading.session_energy_joules
    return before is not None and now is not None and now > before
