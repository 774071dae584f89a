"""The exposition: METRICS over the chargers, accounts and the process, as text.

Only what has changed is rendered again. A line of a charger is kept until its value changes, the body of a metric
(its lines for all chargers) until one of its lines changes. The result is byte for byte what prometheus-client
prints for the same samples; tests hold it to that.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from exporter.account import Account
from exporter.charger import Charger
from exporter.clock import Moment
from exporter.metrics import (
    ACCOUNT_METRICS,
    CHARGER_METRICS,
    EXPORTER_METRICS,
    Metric,
    Series,
    Subject,
)
from exporter.process import ExporterProcess

_NEVER: Final = float("inf")


def escape(label_value: str) -> str:
    """A label value as both formats write it."""
    return label_value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _families(
    metrics: Iterable[Metric[Subject]],
    subjects: Sequence[Subject],
    label: tuple[str, str] | None,
    now: Moment,
    *,
    openmetrics: bool,
) -> Iterator[tuple[bytes, bytes]]:
    """Header and body of rows over a few subjects, rendered afresh; `label` is a label and the attribute it shows."""
    for metric in metrics:
        lines = []
        for subject in subjects:
            own = {label[0]: getattr(subject, label[1])} if label else {}
            for series in metric.series:
                value = series.read(subject, now)
                if value is not None:
                    lines.append(_line(_head(metric, series, own, subject), value))
        yield header(metric, openmetrics=openmetrics), b"".join(lines)


def _head(metric: Metric[Subject], series: Series[Subject], own: dict[str, str], subject: Subject) -> bytes:
    values = metric.info(subject) if metric.info else series.label_values
    labels = own | dict(zip(metric.labels, values, strict=True))
    text = ",".join(f'{name}="{escape(value)}"' for name, value in sorted(labels.items()))
    return f"{metric.name}{{{text}}} ".encode() if text else f"{metric.name} ".encode()


def number(value: float) -> str:
    """A finite value as Go prints it, and so prometheus-client: an exponent from 1e+06 on."""
    text = repr(float(value))
    point = text.find(".")
    if value > 0 and point > 6:
        mantissa = f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{point - 1:02d}"
    return text


def _line(head: bytes, value: float) -> bytes:
    return head + number(value).encode() + b"\n"


def header(metric: Metric[Subject], *, openmetrics: bool) -> bytes:
    """HELP and TYPE: OpenMetrics names a counter without its `_total`."""
    name = metric.name.removesuffix("_total") if openmetrics and metric.kind == "counter" else metric.name
    return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n".encode()


class _Body:
    """One row of CHARGER_METRICS over all chargers: a line a charger, by its place."""

    __slots__ = ("created", "joined", "lines", "metric", "values")

    def __init__(self, metric: Metric[Charger]) -> None:
        self.metric = metric
        self.lines: list[bytes] = []
        self.created: list[bytes] = []
        self.values: list[object] = []
        self.joined: bytes | None = None

    def add(self, charger: Charger) -> None:
        self.lines.append(b"")
        self.values.append(None)
        if self.metric.created:
            name = self.metric.name.removesuffix("_total") + "_created"
            head = f'{name}{{charger_id="{escape(charger.charger_id)}"}} '.encode()
            self.created.append(_line(head, self.metric.created(charger)))

    def refresh(self, place: int, charger: Charger, now: Moment) -> None:
        values: object
        metric = self.metric
        if metric.info:
            values = metric.info(charger)
        elif len(metric.series) == 1:
            values = metric.series[0].read(charger, now)
        else:
            values = tuple(series.read(charger, now) for series in metric.series)
        if values == self.values[place]:
            return
        self.values[place] = values
        self.joined = None
        own = {"charger_id": charger.charger_id}
        self.lines[place] = b"".join(
            _line(_head(metric, series, own, charger), value)
            for series in metric.series
            if (value := series.read(charger, now)) is not None
        )

    def text(self, *, openmetrics: bool) -> bytes:
        if openmetrics and self.created:
            pairs = zip(self.lines, self.created, strict=True)
            return b"".join(line + created for line, created in pairs if line)
        if self.joined is None:
            self.joined = b"".join(self.lines)
        return self.joined


class Exposition:
    """The page over a fixed set of chargers, in their order; `touch` what has changed, then `render`."""

    def __init__(self, chargers: Sequence[Charger]) -> None:
        self._chargers = chargers
        self._places = {charger.charger_id: place for place, charger in enumerate(chargers)}
        self._bodies = [_Body(metric) for metric in CHARGER_METRICS]
        for body in self._bodies:
            for charger in chargers:
                body.add(charger)
        self._touched: set[int] = set()
        # Monotonic time at which what is shown of a charger changes by itself (a reading grows stale).
        self._due = [-_NEVER] * len(chargers)

    def touch(self, charger: Charger) -> None:
        """`charger` has changed since the last rendering."""
        self._touched.add(self._places[charger.charger_id])

    def render(self, accounts: Sequence[Account], process: ExporterProcess, now: Moment, *, openmetrics: bool) -> bytes:
        """All of METRICS, without the end mark of OpenMetrics: the process's own metrics may follow."""
        self._refresh(now)
        families = [
            *(
                (header(body.metric, openmetrics=openmetrics), body.text(openmetrics=openmetrics))
                for body in self._bodies
            ),
            *_families(ACCOUNT_METRICS, accounts, ("account", "name"), now, openmetrics=openmetrics),
            *_families(EXPORTER_METRICS, [process], None, now, openmetrics=openmetrics),
        ]
        return b"".join(head + text for head, text in families if text)

    def _refresh(self, now: Moment) -> None:
        due = {place for place, at in enumerate(self._due) if at < now.monotonic}
        for place in self._touched | due:
            charger = self._chargers[place]
            for body in self._bodies:
                body.refresh(place, charger, now)
            next_change = charger.next_change(now)
            self._due[place] = _NEVER if next_change is None else next_change
        self._touched.clear()
