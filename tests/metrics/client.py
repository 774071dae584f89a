"""Functions of prometheus-client that have no types, with types."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.openmetrics import parser
from prometheus_client.utils import floatToGoString

_parse: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families
_write: Callable[[float], str] = floatToGoString


def parsed(openmetrics: str) -> list[Metric]:
    """Return the metric families of a page in OpenMetrics; raise ValueError if it is not valid."""
    return list(_parse(openmetrics))


def as_go_writes(value: float) -> str:
    """Return a number as the text formats write it."""
    return _write(value)
