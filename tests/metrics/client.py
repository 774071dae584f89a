"""Functions of prometheus-client that have no types, with types."""

from prometheus_client import Metric
from prometheus_client.openmetrics import parser
from prometheus_client.utils import floatToGoString


def parsed(openmetrics: str) -> list[Metric]:
    """Return the metric families of a page in OpenMetrics; raise ValueError if it is not valid."""
    return list(parser.text_string_to_metric_families(openmetrics))  # type: ignore[no-untyped-call]


def as_go_writes(value: float) -> str:
    """Return a number as the text formats write it."""
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]
