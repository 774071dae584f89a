"""The metric reference, as Markdown, from METRICS."""

from collections.abc import Iterable, Iterator, Sequence

from exporter.metrics.metric import Metric, Subject
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS

_METRICS_INTRODUCTION = """\
# Metrics

Printed by `vecharge-exporter metrics`.

All units are base units: volts, amperes, watts, joules (1 kWh is 3,600,000 J), seconds, degrees. An unknown value is
absent, not `NaN` or 0. A charger that was removed from the configuration has no series.
"""

_CHARGERS = """\
## One charger

Each metric has the label `charger_id`, as in the configuration. In OpenMetrics the two counters that survive a
restart, energy and sessions, have `_created`: when the exporter first saw the charger.
"""

_ACCOUNTS = """\
## One account

Each metric has the label `account`. Every value of the other labels is present from the start, with 0.
"""

_EXPORTER = """\
## The exporter

In addition there are `process_*` and `python_*`, as in every Prometheus client for Python.
"""


def metrics_reference() -> str:
    """Return the name, labels, type and meaning of every metric, and when it is absent."""
    parts = [
        _METRICS_INTRODUCTION,
        _CHARGERS,
        _metrics_table(CHARGER_METRICS),
        _ACCOUNTS,
        _metrics_table(ACCOUNT_METRICS),
        _EXPORTER,
        _metrics_table(EXPORTER_METRICS),
    ]
    return "\n".join(parts)


def _metrics_table(metrics: Iterable[Metric[Subject]]) -> str:
    rows = (
        (_with_labels(metric), metric.kind, " ".join((metric.help, *_label_values(metric))), metric.absent)
        for metric in metrics
    )
    return markdown_table(("Metric", "Type", "Meaning", "Absent when"), rows)


def _with_labels(metric: Metric[Subject]) -> str:
    labels = f"{{{','.join(metric.labels)}}}" if metric.labels else ""
    return f"`{metric.name}{labels}`"


def _label_values(metric: Metric[Subject]) -> Iterator[str]:
    """Yield the values of each label that has fixed values."""
    if metric.info is None:
        for place, label in enumerate(metric.labels):
            values = dict.fromkeys(series.label_values[place] for series in metric.series)
            yield f"`{label}` is one of {one_of(values)}."


def one_of(values: Iterable[object]) -> str:
    """Return the values as code, separated by commas."""
    return ", ".join(f"`{value}`" for value in values)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    # A pipe would end its cell.
    lines = (" | ".join(cell.replace("|", r"\|") for cell in row) for row in (head, ["---"] * len(head), *rows))
    return "".join(f"| {line} |\n" for line in lines)
