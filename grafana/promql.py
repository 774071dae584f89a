"""Queries over the exporter's metrics, in the terms of PromQL.

A charger is on one exporter at a time but may move to another, and for a moment both series are there: every query
therefore brings a charger down to one series (`max by`, `sum by`) before anything is added up or joined.
"""

from typing import Final

JOULES_PER_KWH: Final = "3.6e6"
TARGET: Final = 'job=~"$job",instance=~"$instance"'
# Cars that are full, and the charger itself, draw a few watts.
CHARGING_WATTS: Final = 10


def select(metric: str, *matchers: str) -> str:
    """A metric of the exporters chosen at the top of the dashboard."""
    return f"{metric}{{{','.join((*matchers, TARGET))}}}"


def gauge(metric: str, *matchers: str) -> str:
    """A gauge, one series a charger."""
    return f"max by (charger_id) ({select(metric, *matchers)})"


def increase(counter: str, *matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """By how much a counter rose. The rises on several exporters add up: each saw its own part of the time."""
    return f"sum by ({by}) (increase({select(counter, *matchers)}[{over}]))"


def rate(counter: str, *matchers: str, by: str = "charger_id") -> str:
    """How fast a counter rises, a second."""
    return f"sum by ({by}) (rate({select(counter, *matchers)}[$__rate_interval]))"


def energy_kwh(*matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """Energy delivered, in kWh."""
    return f"{increase('vecharge_charger_energy_joules_total', *matchers, over=over, by=by)} / {JOULES_PER_KWH}"


def within_bars(query: str) -> str:
    """`query` over `$__interval`, moved so that a bar stands over the time that it tells of.

    Prometheus looks back from each point; without the negative offset (Prometheus 2.33) today's energy would stand
    at tomorrow.
    """
    return query.replace("[$__interval]", "[$__interval] offset -$__interval")


def share_of_time(gauge_of_0_or_1: str, *matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """The share of the time, 0 to 1, for which a gauge was 1. Time without scrapes does not count."""
    series = select(gauge_of_0_or_1, *matchers)
    return f"sum by ({by}) (sum_over_time({series}[{over}])) / sum by ({by}) (count_over_time({series}[{over}]))"


def availability(*matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """The share of the time for which chargers were up."""
    return share_of_time("vecharge_charger_up", *matchers, over=over, by=by)


def state(*matchers: str) -> str:
    """0 not reachable, 1 off, 2 on, 3 unknown: see `meanings.STATE`."""
    statuses = {1: 'status="off"', 2: 'status="on"', 3: 'status="unknown"'}
    numbered = " or ".join(
        f"{select('vecharge_charger_status', status, *matchers)} * {number}" for number, status in statuses.items()
    )
    return f"{gauge('vecharge_charger_up', *matchers)} * max by (charger_id) ({numbered})"


def age_seconds(timestamp: str, *matchers: str) -> str:
    """How long ago something happened."""
    return f"time() - {gauge(timestamp, *matchers)}"


def info(*matchers: str) -> str:
    """The info series, exactly one a charger, with a label `charger`: its name, or its id where it has none."""
    one = f"topk by (charger_id) (1, {select('vecharge_charger_info', *matchers)})"
    by_id = f'label_replace({one}, "charger", "$1", "charger_id", "(.*)")'
    return f'label_replace({by_id}, "charger", "$1", "name", "(.+)")'


def named(query: str, *labels: str) -> str:
    """`query`, one series a charger, with the label `charger` and other labels of the charger's info."""
    return f"({query}) * on (charger_id) group_left ({', '.join(('charger', *labels))}) {info()}"
