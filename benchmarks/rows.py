"""The results of a benchmark: rows of a table, each with its bar."""

from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

ROUNDS: Final = 5  # a ratio is that of medians of this number of rounds or more


@dataclass(frozen=True, slots=True)
class Row:
    """A case, its measured value (None: not measured), and its bar."""

    case: str
    figure: str
    value: float | None
    bar: float
    sense: Literal["at least", "at most"]
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the bar is reached, or could not be measured."""
        if self.value is None:
            return True
        return self.value >= self.bar if self.sense == "at least" else self.value <= self.bar

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Case, figure, bar, measured against the bar, verdict."""
        bar = f"{self.sense} {quantity(self.bar, self.unit)}"
        if self.value is None:
            return (self.case, self.figure, bar, "", "not measured")
        verdict = "met" if self.is_met else "**missed**"
        return (self.case, self.figure, bar, quantity(self.value, self.unit), verdict)


COLUMNS: Final = ("case", "figure", "bar", "measured", "verdict")


def quantity(value: float, unit: str) -> str:
    """A number with three significant digits, and its unit."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    text = f"{value:,.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{' ' if unit not in ('x', '') else ''}{unit}"


def faster(case: str, ours: list[float], theirs: list[float], bar: float) -> Row:
    """A row for times in seconds: how many times faster ours is."""
    assert min(len(ours), len(theirs)) >= 1
    mine, other = median(ours), median(theirs)
    figure = f"{quantity(mine * 1e3, 'ms')} against {quantity(other * 1e3, 'ms')}"
    return Row(case, figure, other / mine, bar, "at least", "x")


def not_measured(case: str, reason: str, bar: float, unit: str) -> Row:
    """A row for a comparison that this machine cannot make."""
    return Row(case, reason, None, bar, "at least", unit)


def share(case: str, ours: list[float], theirs: list[float], bar: float, each: str = "log") -> Row:
    """A row for the CPU seconds per log: the ratio of ours to the other."""
    mine, other = median(ours), median(theirs)
    figure = f"{quantity(mine * 1e6, 'us')} against {quantity(other * 1e6, 'us')} per {each}"
    return Row(case, figure, mine / other, bar, "at most", "x")
