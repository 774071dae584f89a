"""The rows of METRICS: what a metric is, and how its value is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from exporter.charger.account import Histogram
from exporter.charger.clock import Moment

Subject = TypeVar("Subject")
Value = float | int | bool | None
Read = Callable[[Subject, Moment], Value]


@dataclass(frozen=True, slots=True)
class Series(Generic[Subject]):
    """One series of a row: the values of the row's labels, and how to read its value."""

    label_values: tuple[str, ...]
    read: Read[Subject]


@dataclass(frozen=True, slots=True)
class Metric(Generic[Subject]):
    """A row. `labels` are added to the label that names the subject; `info` reads their values from the subject.

    A histogram has no `series`: `histogram` reads all of it.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    series: tuple[Series[Subject], ...]
    absent: str = "never"
    labels: tuple[str, ...] = ()
    info: Callable[[Subject], tuple[str, ...]] | None = None
    created: Callable[[Subject], float] | None = None
    histogram: Callable[[Subject], Histogram] | None = None


def gauge(name: str, help_text: str, read: Read[Subject], *, absent: str = "never") -> Metric[Subject]:
    """Return a gauge without additional labels."""
    return Metric(name, "gauge", help_text, (Series((), read),), absent)


def counter(
    name: str,
    help_text: str,
    read: Read[Subject],
    *,
    absent: str = "never",
    created: Callable[[Subject], float] | None = None,
) -> Metric[Subject]:
    """Return a counter without additional labels. `created` reads when it began, if it survives a restart."""
    return Metric(name, "counter", help_text, (Series((), read),), absent, created=created)


def histogram(name: str, help_text: str, read: Callable[[Subject], Histogram]) -> Metric[Subject]:
    """Return a histogram."""
    return Metric(name, "histogram", help_text, (), histogram=read)
