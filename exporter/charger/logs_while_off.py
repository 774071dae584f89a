"""Logs of a charger whose status is OFF: when they prove that it is ON."""

from exporter.charger.events import Reading
from exporter.charger.log_order import are_at_pace


class LogsWhileOff:
    """Detects a charger that is on although an old document or a lost ON event says that it is off."""

    __slots__ = ("_last", "_received")

    def __init__(self) -> None:
        self._last: Reading | None = None
        self._received = 0.0

    def prove_on(self, reading: Reading, now: float) -> bool:
        """Whether the last two logs show a charger that is on: they are live, and current or energy flows."""
        last, received = self._last, self._received
        self._last, self._received = reading, now
        if last is None:
            return False
        return _is_live(last, reading, now - received) and _flows(last, reading)


def _is_live(last: Reading, reading: Reading, received_seconds: float) -> bool:
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
