"""The exposition: METRICS for the chargers, accounts and the process, as text.

Only what has changed is rendered again. The lines of the chargers are kept by column, one per series of METRICS:
reading, comparing and formatting take most of the time, and are done for many chargers at once. The text of a metric
is kept until one of its lines changes. The result is byte for byte that of prometheus-client for the same samples.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import cast

from exporter.charger.account import Account
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.histogram import Histogram
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.go_float import number, numbers
from exporter.metrics.metric import Metric, Series, Subject, Value
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS


def escape(label_value: str) -> str:
    """Return a label value as both formats write it."""
    return label_value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def header(metric: Metric[Subject], *, openmetrics: bool) -> bytes:
    """Return HELP and TYPE. OpenMetrics names a counter without its `_total`."""
    name = metric.name.removesuffix("_total") if openmetrics and metric.kind == "counter" else metric.name
    return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n".encode()


def _head(
    name: str, metric: Metric[Subject], series: Series[Subject], own: dict[str, str], subject: Subject | None
) -> str:
    """Return a line of a row up to its value."""
    values = metric.info(subject) if metric.info and subject is not None else series.label_values
    return _labelled(name, own | dict(zip(metric.labels, values, strict=True)))


def _labelled(name: str, labels: dict[str, str]) -> str:
    """Return a line up to its value."""
    text = ",".join(f'{label}="{escape(value)}"' for label, value in sorted(labels.items()))
    return f"{name}{{{text}}} " if text else f"{name} "


@dataclass(frozen=True, slots=True)
class _Batch:
    """Chargers to read again, in the order of their places on the page."""

    places: Sequence[int]
    chargers: Sequence[Charger]
    now: Moment

    @property
    def is_run(self) -> bool:
        """Whether the places have no gap: then whole slices can be replaced."""
        return self.places[-1] - self.places[0] + 1 == len(self.places)


class _Column:
    """One series of one metric for all chargers: how to read it, and the last values."""

    __slots__ = ("_after_id", "_before_id", "_read", "_values")

    # A line has three parts: the text before the id, the id, the rest. Chargers or columns share the first two.
    PARTS = 3

    def __init__(self, metric: Metric[Charger], series: Series[Charger], chargers: Sequence[Charger]) -> None:
        self._read = series.read
        head = _head(metric.name, metric, series, {"charger_id": "\0"}, None)
        self._before_id, self._after_id = head.split("\0")
        self._values: list[Value] = [None] * len(chargers)

    def refresh(self, batch: _Batch, parts: list[str], offset: int, stride: int) -> bool:
        """Read the chargers of the batch and write the line of each into `parts`, at `offset` of its `stride` parts.
        Return whether a value has changed.
        """
        new = list(map(self._read, batch.chargers, repeat(batch.now)))
        first, last = batch.places[0], batch.places[-1]
        old = self._values[first : last + 1] if batch.is_run else [self._values[place] for place in batch.places]
        if new == old:
            return False
        if batch.is_run and None not in new and None not in old:
            self._values[first : last + 1] = new
            texts = numbers(cast("list[float]", new), self._after_id)
            parts[first * stride + offset + 2 : (last + 1) * stride : stride] = texts
            return True
        present = iter(numbers([value for value in new if value is not None], self._after_id))
        for place, charger, value, before in zip(batch.places, batch.chargers, new, old, strict=True):
            at = place * stride + offset
            if value is None:
                parts[at] = parts[at + 1] = parts[at + 2] = ""
            else:
                if before is None:
                    parts[at] = self._before_id
                    parts[at + 1] = escape(charger.charger_id)
                parts[at + 2] = next(present)
            self._values[place] = value
        return True


class _InfoColumn:
    """A row whose labels come from the charger; its value is always 1."""

    __slots__ = ("_metric", "_values")

    PARTS = 1

    def __init__(self, metric: Metric[Charger], chargers: Sequence[Charger]) -> None:
        self._metric = metric
        self._values: list[tuple[str, ...] | None] = [None] * len(chargers)

    def refresh(self, batch: _Batch, parts: list[str], offset: int, stride: int) -> bool:
        """As `_Column.refresh`."""
        assert self._metric.info is not None
        new = list(map(self._metric.info, batch.chargers))
        old = [self._values[place] for place in batch.places]
        if new == old:
            return False
        for place, charger, labels in zip(batch.places, batch.chargers, new, strict=True):
            self._values[place] = labels
            own = {"charger_id": charger.charger_id}
            head = _head(self._metric.name, self._metric, self._metric.series[0], own, charger)
            parts[place * stride + offset] = f"{head}1.0\n"
        return True


class _Family:
    """One metric for all chargers. Its text is `parts` joined; the lines of a charger are adjacent."""

    __slots__ = ("_chargers", "_columns", "_parts", "_stride", "_texts", "metric")

    def __init__(self, metric: Metric[Charger], chargers: Sequence[Charger]) -> None:
        self.metric = metric
        self._chargers = chargers
        self._columns: list[_Column | _InfoColumn] = (
            [_InfoColumn(metric, chargers)]
            if metric.info
            else [_Column(metric, series, chargers) for series in metric.series]
        )
        self._stride = sum(column.PARTS for column in self._columns)
        self._parts = [""] * (self._stride * len(chargers))
        # By whether they have `_created` samples.
        self._texts: dict[bool, bytes] = {}

    def refresh(self, batch: _Batch) -> None:
        """Read the chargers of the batch again."""
        if not batch.places:
            return
        for index, column in enumerate(self._columns):
            if column.refresh(batch, self._parts, index * column.PARTS, self._stride):
                self._texts.clear()

    def text(self, *, openmetrics: bool) -> bytes:
        """Return the lines of all chargers; in OpenMetrics a durable counter has `_created` samples."""
        with_created = openmetrics and self.metric.created is not None
        text = self._texts.get(with_created)
        if text is None:
            parts = self._with_created() if with_created else self._parts
            text = self._texts[with_created] = "".join(parts).encode()
        return text

    def _with_created(self) -> Iterator[str]:
        created = self.metric.created
        assert created is not None
        name = self.metric.name.removesuffix("_total") + "_created"
        began = numbers([created(charger) for charger in self._chargers], '"} ')
        lines = zip(self._parts[0::3], self._parts[1::3], self._parts[2::3], began, strict=True)
        for before_id, charger_id, value, at in lines:
            if before_id:
                yield f'{before_id}{charger_id}{value}{name}{{charger_id="{charger_id}{at}'


class Exposition:
    """The page for a fixed list of chargers, in their order: call `refresh`, then `pieces`.

    It takes the chargers that have changed from `unrendered`, which may contain some that are not on the page.
    """

    def __init__(self, chargers: Sequence[Charger], unrendered: set[Charger]) -> None:
        self._chargers = chargers
        self._unrendered = unrendered
        self._places = {charger: place for place, charger in enumerate(chargers)}
        self._families = [_Family(metric, chargers) for metric in CHARGER_METRICS]
        self._touched = set(range(len(chargers)))
        # The revision that was last read of each charger: while it is the same, most rows need not be read.
        self._revisions = [-1] * len(chargers)
        # The monotonic time at which a charger changes without an event, since a reading becomes stale.
        self._due = [math.inf] * len(chargers)

    def refresh(self, now: Moment, at_most: int) -> bool:
        """Render the lines of at most `at_most` chargers that have changed; return whether more are left."""
        self._touched.update([place for place in map(self._places.get, self._unrendered) if place is not None])
        self._unrendered.clear()
        if min(self._due, default=math.inf) < now.monotonic:
            self._touched.update(place for place, at in enumerate(self._due) if at < now.monotonic)
        places = sorted(self._touched)[:at_most]
        if places:
            self._touched.difference_update(places)
            batch = self._batch(places, now)
            revised = [
                place
                for place, charger in zip(places, batch.chargers, strict=True)
                if charger.revision != self._revisions[place]
            ]
            revised_batch = self._batch(revised, now)
            for family in self._families:
                family.refresh(revised_batch if family.metric.is_steady else batch)
            for place, charger in zip(revised, revised_batch.chargers, strict=True):
                self._revisions[place] = charger.revision
            for place, charger in zip(places, batch.chargers, strict=True):
                stale_at = charger.readings.stale_at
                self._due[place] = stale_at if stale_at >= now.monotonic else math.inf
        return bool(self._touched)

    def _batch(self, places: Sequence[int], now: Moment) -> _Batch:
        return _Batch(places, [self._chargers[place] for place in places], now)

    def pieces(
        self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool
    ) -> Iterator[bytes]:
        """Yield METRICS in pieces, without the end mark of OpenMetrics: the process's own metrics follow."""
        families = chain(
            (
                (header(family.metric, openmetrics=openmetrics), family.text(openmetrics=openmetrics))
                for family in self._families
            ),
            _few(ACCOUNT_METRICS, accounts, ("account", "name"), now, openmetrics=openmetrics),
            _few(EXPORTER_METRICS, [process], None, now, openmetrics=openmetrics),
        )
        for head, text in families:
            if text:
                yield head
                yield text

    def render(self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool) -> bytes:
        """Return the whole page."""
        self.refresh(now, len(self._chargers))
        return b"".join(self.pieces(accounts, process, now, openmetrics=openmetrics))


def _few(
    metrics: Iterable[Metric[Subject]],
    subjects: Sequence[Subject],
    label: tuple[str, str] | None,
    now: Moment,
    *,
    openmetrics: bool,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield header and lines of rows for a few subjects. `label` is a label and the attribute that it shows."""
    for metric in metrics:
        lines: list[str] = []
        for subject in subjects:
            own = {label[0]: getattr(subject, label[1])} if label else {}
            if metric.histogram:
                lines += _histogram_lines(metric.name, metric.histogram(subject), own)
            for series in metric.series:
                value = series.read(subject, now)
                if value is not None:
                    lines.append(f"{_head(metric.name, metric, series, own, subject)}{number(value)}\n")
        yield header(metric, openmetrics=openmetrics), "".join(lines).encode()


def _histogram_lines(name: str, histogram: Histogram, own: dict[str, str]) -> Iterator[str]:
    counts = histogram.cumulative()
    for bound, count in zip((*map(number, histogram.bounds), "+Inf"), counts, strict=True):
        yield f"{_labelled(f'{name}_bucket', own | {'le': bound})}{number(count)}\n"
    yield f"{_labelled(f'{name}_count', own)}{number(counts[-1])}\n"
    yield f"{_labelled(f'{name}_sum', own)}{number(histogram.sum)}\n"
