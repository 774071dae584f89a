"""The exposition: METRICS over the chargers, accounts and the process, as text.

Only what has changed is rendered again. The lines of the chargers are kept by column, a column a series of METRICS:
values are read, compared and formatted for many chargers at once, which is where the time goes. The text of a metric
is kept until one of its lines changes. The result is byte for byte what prometheus-client prints for the same samples.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final

import msgspec

from exporter.account import Account
from exporter.charger import Charger
from exporter.clock import Moment
from exporter.metrics import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS, Metric, Series, Subject, Value
from exporter.process import ExporterProcess

_NEVER: Final = float("inf")


def escape(label_value: str) -> str:
    """A label value as both formats write it."""
    return label_value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number(value: float) -> str:
    """A finite value as Go prints it, and so prometheus-client: an exponent from 1e+06 on."""
    text = repr(float(value))
    return _with_exponent(text) if value >= 1e6 else text


def _with_exponent(text: str) -> str:
    point = text.find(".")
    if point <= 6:  # Python's own exponent, from 1e+16 on
        return text
    mantissa = f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.")
    return f"{mantissa}e+{point - 1:02d}"


def numbers(values: Sequence[float]) -> list[str]:
    """`number` of many values at once; msgspec writes the same digits as repr(), in a sixth of the time."""
    if not values:
        return []
    texts = msgspec.json.encode(list(map(float, values)))[1:-1].decode().split(",")
    # Far from 1 the two differ in where an exponent begins.
    if max(values) < 1e6 and min(values) >= 0.001:
        return texts
    return [
        text if 0.001 <= value < 1e6 or not value else _with_exponent(text) if 1e6 <= value < 1e16 else number(value)
        for value, text in zip(values, texts, strict=True)
    ]


def header(metric: Metric[Subject], *, openmetrics: bool) -> bytes:
    """HELP and TYPE: OpenMetrics names a counter without its `_total`."""
    name = metric.name.removesuffix("_total") if openmetrics and metric.kind == "counter" else metric.name
    return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n".encode()


def _head(
    name: str, metric: Metric[Subject], series: Series[Subject], own: dict[str, str], subject: Subject | None
) -> str:
    """A line up to its value."""
    values = metric.info(subject) if metric.info and subject is not None else series.label_values
    labels = own | dict(zip(metric.labels, values, strict=True))
    text = ",".join(f'{label}="{escape(value)}"' for label, value in sorted(labels.items()))
    return f"{name}{{{text}}} " if text else f"{name} "


@dataclass(frozen=True, slots=True)
class _Batch:
    """Chargers to read again, their escaped ids, and when."""

    chargers: Sequence[Charger]
    labels: Sequence[str]
    now: Moment


class _Column:
    """One series of one metric over all chargers: a value and a line each."""

    __slots__ = ("_after", "_before", "_read", "_values", "lines")

    def __init__(self, metric: Metric[Charger], series: Series[Charger], size: int) -> None:
        self._read = series.read
        self._values: list[Value] = [None] * size
        self.lines = [""] * size
        # All heads of a column are alike but for the id, whose label stands among the row's own in order.
        self._before, self._after = _head(metric.name, metric, series, {"charger_id": "\0"}, None).split("\0")

    def refresh(self, places: Sequence[int], batch: _Batch) -> bool:
        """Reads the chargers of the batch again; returns whether a line has changed."""
        new = list(map(self._read, batch.chargers, repeat(batch.now)))
        if new == list(map(self._values.__getitem__, places)):
            return False
        before, after = self._before, self._after
        known = [value for value in new if value is not None]
        texts = iter(numbers(known))
        lines = [
            "" if value is None else f"{before}{label}{after}{next(texts)}\n"
            for label, value in zip(batch.labels, new, strict=True)
        ]
        for place, value, line in zip(places, new, lines, strict=True):
            self._values[place] = value
            self.lines[place] = line
        return True


class _InfoColumn:
    """A row whose labels come from the charger itself; its value never changes."""

    __slots__ = ("_metric", "_values", "lines")

    def __init__(self, metric: Metric[Charger], size: int) -> None:
        self._metric = metric
        self._values: list[tuple[str, ...] | None] = [None] * size
        self.lines = [""] * size

    def refresh(self, places: Sequence[int], batch: _Batch) -> bool:
        """Reads the chargers of the batch again; returns whether a line has changed."""
        assert self._metric.info is not None
        changed = False
        for place, charger in zip(places, batch.chargers, strict=True):
            labels = self._metric.info(charger)
            if labels != self._values[place]:
                self._values[place] = labels
                own = {"charger_id": charger.charger_id}
                head = _head(self._metric.name, self._metric, self._metric.series[0], own, charger)
                self.lines[place] = f"{head}1.0\n"
                changed = True
        return changed


class _Family:
    """One metric over all chargers."""

    __slots__ = ("_columns", "_created", "_text", "metric")

    def __init__(self, metric: Metric[Charger], chargers: Sequence[Charger]) -> None:
        self.metric = metric
        size = len(chargers)
        self._columns: list[_Column | _InfoColumn] = (
            [_InfoColumn(metric, size)] if metric.info else [_Column(metric, series, size) for series in metric.series]
        )
        self._created: list[str] = []
        if metric.created is not None:
            name = metric.name.removesuffix("_total") + "_created"
            self._created = [
                f'{name}{{charger_id="{escape(charger.charger_id)}"}} {number(metric.created(charger))}\n'
                for charger in chargers
            ]
        self._text: bytes | None = None

    def refresh(self, places: Sequence[int], batch: _Batch) -> None:
        """Reads the chargers of the batch again."""
        for column in self._columns:
            if column.refresh(places, batch):
                self._text = None

    def text(self, *, openmetrics: bool) -> bytes:
        """The lines of all chargers, a charger's lines together."""
        if openmetrics and self._created:
            pairs = zip(self._columns[0].lines, self._created, strict=True)
            return "".join([line + created for line, created in pairs if line]).encode()
        if self._text is None:
            if len(self._columns) == 1:
                self._text = "".join(self._columns[0].lines).encode()
            else:
                columns = (column.lines for column in self._columns)
                self._text = "".join(chain.from_iterable(zip(*columns, strict=True))).encode()
        return self._text


class Exposition:
    """The page over a fixed set of chargers, in their order: `touch` what has changed, `refresh`, then `pieces`."""

    def __init__(self, chargers: Sequence[Charger]) -> None:
        self._chargers = chargers
        self._labels = [escape(charger.charger_id) for charger in chargers]
        self._places = {charger.charger_id: place for place, charger in enumerate(chargers)}
        self._families = [_Family(metric, chargers) for metric in CHARGER_METRICS]
        self._touched = set(range(len(chargers)))
        # Monotonic time at which what is shown of a charger changes by itself (a reading grows stale).
        self._due = [_NEVER] * len(chargers)

    def touch(self, charger: Charger) -> None:
        """`charger` has changed since the last refresh."""
        self._touched.add(self._places[charger.charger_id])

    def refresh(self, now: Moment, at_most: int) -> bool:
        """Renders the lines of what has changed, of so many chargers at the most; returns whether more is to do."""
        if min(self._due, default=_NEVER) < now.monotonic:
            self._touched.update(place for place, at in enumerate(self._due) if at < now.monotonic)
        if len(self._touched) <= at_most:
            places = sorted(self._touched)
            self._touched.clear()
        else:
            places = [self._touched.pop() for _ in range(at_most)]
        if places:
            chargers = [self._chargers[place] for place in places]
            batch = _Batch(chargers, [self._labels[place] for place in places], now)
            for family in self._families:
                family.refresh(places, batch)
            for place, charger in zip(places, chargers, strict=True):
                next_change = charger.next_change(now)
                self._due[place] = _NEVER if next_change is None else next_change
        return bool(self._touched)

    def pieces(
        self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool
    ) -> Iterator[bytes]:
        """All of METRICS, a metric a piece, without the end mark of OpenMetrics: the process's own may follow."""
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
        """The whole page at once."""
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
    """Header and lines of rows over a few subjects, rendered afresh; `label` is a label and the attribute it shows."""
    for metric in metrics:
        lines = []
        for subject in subjects:
            own = {label[0]: getattr(subject, label[1])} if label else {}
            for series in metric.series:
                value = series.read(subject, now)
                if value is not None:
                    lines.append(f"{_head(metric.name, metric, series, own, subject)}{number(value)}\n")
        yield header(metric, openmetrics=openmetrics), "".join(lines).encode()
