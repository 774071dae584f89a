"""The exposition: METRICS for the chargers, accounts and the process, as text.

Only what has changed is rendered again. The lines of the chargers are kept by column, one per series of METRICS:
reading, comparing and formatting take most of the time, and are done for many chargers at once. The text of a metric
is kept until one of its lines changes. The result is byte for byte that of prometheus-client for the same samples.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import cast

from exporter.charger.account import Account
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.histogram import Histogram
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.batch import Batch
from exporter.metrics.go_float import number, numbers
from exporter.metrics.live_values import Live, live_values
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


class _Column:
    """One series of one metric for all chargers: how to read it, and the last values."""

    __slots__ = ("_after_id", "_before_id", "_has_absent", "_place", "_read", "_values")

    # A line has three parts: the text before the id, the id, the rest. Chargers or columns share the first two.
    PARTS = 3

    def __init__(self, metric: Metric[Charger], series: Series[Charger], chargers: Sequence[Charger]) -> None:
        self._read = series.read
        self._place = series.read.place if isinstance(series.read, Live) else None
        head = _head(metric.name, metric, series, {"charger_id": "\0"}, None)
        self._before_id, self._after_id = head.split("\0")
        self._values: list[Value] = [None] * len(chargers)
        self._has_absent = True

    def refresh(self, batch: Batch, live: Sequence[list[Value]], parts: list[str], offset: int, stride: int) -> bool:
        """Read the chargers of the batch again; return whether a value has changed.

        `live` are the live values, one list per name. The line of a charger is at `offset` of its `stride` parts.
        """
        place, read = self._place, self._read
        new = list(map(read, batch.chargers, repeat(batch.now))) if place is None else live[place]
        if new == batch.part_of(self._values):
            return False
        if self._has_absent or None in new:
            self._refresh_some(batch, new, parts, offset, stride)
            self._has_absent = None in self._values
        else:
            batch.replace(parts, numbers(cast("list[float]", new), self._after_id), offset + 2, stride)
            batch.replace(self._values, new)
        return True

    def _refresh_some(self, batch: Batch, new: list[Value], parts: list[str], offset: int, stride: int) -> None:
        """Write the lines of the chargers that have a value, and remove those of the others."""
        present = iter(numbers([value for value in new if value is not None], self._after_id))
        for place, charger, value in zip(batch.places, batch.chargers, new, strict=True):
            at = place * stride + offset
            if value is None:
                parts[at] = parts[at + 1] = parts[at + 2] = ""
            else:
                if self._values[place] is None:
                    parts[at] = self._before_id
                    parts[at + 1] = escape(charger.charger_id)
                parts[at + 2] = next(present)
            self._values[place] = value


class _InfoColumn:
    """A row whose labels come from the charger; its value is always 1."""

    __slots__ = ("_metric", "_values")

    PARTS = 1

    def __init__(self, metric: Metric[Charger], chargers: Sequence[Charger]) -> None:
        self._metric = metric
        self._values: list[tuple[str, ...] | None] = [None] * len(chargers)

    def refresh(self, batch: Batch, _live: Sequence[list[Value]], parts: list[str], offset: int, stride: int) -> bool:
        """As `_Column.refresh`."""
        assert self._metric.info is not None
        new = list(map(self._metric.info, batch.chargers))
        if new == batch.part_of(self._values):
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

    @property
    def is_live(self) -> bool:
        """Whether an ordinary log may change it."""
        return any(isinstance(series.read, Live) for series in self.metric.series)

    def refresh(self, batch: Batch, live: Sequence[list[Value]]) -> None:
        """Read the chargers of the batch again."""
        if not batch.places:
            return
        for index, column in enumerate(self._columns):
            if column.refresh(batch, live, self._parts, index * column.PARTS, self._stride):
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
        # Places to render in this round, last first. Places touched during the round belong to the next one.
        self._queue: list[int] = []
        # The revision that was last read of each charger: while it is the same, most rows need not be read.
        self._revisions = [-1] * len(chargers)
        # The monotonic time at which a charger changes without an event, since a reading becomes stale.
        self._due = [math.inf] * len(chargers)

    def refresh(self, now: Moment, at_most: int) -> bool:
        """Render the lines of at most `at_most` chargers that have changed; return whether more are left."""
        self._touched.update([place for place in map(self._places.get, self._unrendered) if place is not None])
        self._unrendered.clear()
        if not self._queue:
            if min(self._due, default=math.inf) < now.monotonic:
                self._touched.update(place for place, at in enumerate(self._due) if at < now.monotonic)
            self._queue = sorted(self._touched, reverse=True)
            self._touched.clear()
        places = self._queue[-at_most:][::-1]
        if places:
            del self._queue[-at_most:]
            self._read_again(Batch.of(places, self._chargers, now))
        return bool(self._queue or self._touched)

    def _read_again(self, batch: Batch) -> None:
        revisions = [charger.revision for charger in batch.chargers]
        before = batch.part_of(self._revisions)
        batch.replace(self._revisions, revisions)
        changed = zip(batch.places, revisions, before, strict=True)
        revised = Batch.of([place for place, new, old in changed if new != old], self._chargers, batch.now)
        live = list(map(list, zip(*map(live_values, batch.chargers, repeat(batch.now)), strict=True)))
        for family in self._families:
            family.refresh(batch if family.is_live else revised, live)
        now = batch.now.monotonic
        stale_at = [charger.readings.stale_at for charger in batch.chargers]
        batch.replace(self._due, [at if at >= now else math.inf for at in stale_at])

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
