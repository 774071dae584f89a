"""Readers of the values that an ordinary log or a commit changes.

The other values of a charger change only when its revision changes.
"""

from collections.abc import Callable
from typing import Final

from exporter.charger.changes import LiveValues, live_values
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.meter_state import Totals


class Live:
    """Reads a value that an ordinary log may change."""

    def __init__(self, name: str) -> None:
        self.index: Final = LiveValues._fields.index(name)

    def __call__(self, charger: Charger, now: Moment) -> float | None:
        """Return the value."""
        value: float | None = live_values(charger, now)[self.index]
        return value


class Committed:
    """Reads a value of the totals on disk, which change when a commit ends."""

    def __init__(self, read: Callable[[Totals], float | None]) -> None:
        self.of_totals: Final = read

    def __call__(self, charger: Charger, _now: Moment) -> float | None:
        """Return the value."""
        return self.of_totals(charger.committed)
