"""A histogram of observations."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


class Histogram:
    """Counts observations by bucket and adds them up."""

    __slots__ = ("_counts", "bounds", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        # One more than bounds: the last is for larger values.
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Count an observation; a value that equals a bound is within it."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[int]:
        """Return the number of observations within each bound, and of all."""
        return list(accumulate(self._counts))
