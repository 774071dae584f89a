"""Queries over the exporter's metrics.

A charger is on one exporter at a time but may move to another, and for a moment both series exist: every query
therefore reduces a charger to one series (`max by`, `sum by`) before it adds or joins anything.
"""

from typing import Final

JOULES_PER_KWH: Final = "3.6e6"
TARGET: Final = 'job=~"$job"'
INSTANCE: Final = 'instance=~"$instance"'
# The dashboard's hidden variables: exactly one of them matches every job, the other one none (`boards.sources`).
RAW: Final = 'job=~"$raw"'
RECORDED: Final = 'job=~"$recorded"'
# Full cars, and the charger itself, draw a few watts.
CHARGING_WATTS: Final = 10
SEEN_IN_AN_HOUR: Final = "charger:vecharge_charger_info:last_over_time1h"
BUILD_INFO: Final = f"vecharge_exporter_build_info{{{TARGET}}}"


def select(metric: str, *matchers: str) -> str:
    """A metric of the jobs chosen at the top of the dashboard."""
    return f"{metric}{{{','.join(dict.fromkeys((*matchers, TARGET)))}}}"


def gauge(metric: str, *matchers: str) -> str:
    """A gauge, one series for each charger."""
    return f"max by (charger_id) ({select(metric, *matchers)})"


def over_step(function: str, metric: str, *matchers: str) -> str:
    """`min`, `max` or `avg` of a gauge over each step, so that no sample between two points is lost."""
    return f"max by (charger_id) ({function}_over_time({select(metric, *matchers)}[$__rate_interval]))"


def rate(counter: str, *matchers: str, by: str = "charger_id") -> str:
    """The rise of a counter per second."""
    return f"sum by ({by}) (rate({select(counter, *matchers)}[$__rate_interval]))"


def increase(counter: str, *matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """The approximate rise of a counter, since increase() extrapolates. For rankings and shares."""
    return f"sum by ({by}) (increase({select(counter, *matchers)}[{over}]))"


def rise(counter: str, *matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """The exact rise of a counter until now: the last value minus the last value before `over`.

    increase() omits the rise between two adjacent windows. Here both windows use the value at their border, which may
    be up to an hour old. If the counter was reset in the window, this is increase().
    """
    return _rise(select(counter, *matchers), over, f" offset {over}", "", by)


def rise_in_bars(counter: str, *matchers: str, by: str = "charger_id") -> str:
    """`rise` over each step, with the bar at the start of its step.

    Prometheus looks back from each point: without the negative offset (Prometheus 2.33), today's energy would be shown
    at tomorrow.
    """
    return _rise(select(counter, *matchers), "$__interval", "", " offset -$__interval", by)


def _rise(series: str, over: str, before: str, after: str, by: str) -> str:
    window = f"{series}[{over}]{after}"
    last, least, resets, increase = (
        f"{function}({window})" for function in ("last_over_time", "min_over_time", "resets", "increase")
    )
    border = f"last_over_time({series}[1h]{before})"
    # The value at the border; the first value of the window if there is none; 0 if the counter was reset there.
    first = f"({border} <= {least} or {least} unless {border} or {least} * 0)"
    return f"sum by ({by}) ({last} - {first} and {resets} == 0 or {increase})"


def energy_kwh(*matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """Energy delivered, in kWh, from raw data."""
    return f"{rise('vecharge_charger_energy_joules_total', *matchers, over=over, by=by)} / {JOULES_PER_KWH}"


def recorded(raw: str, from_rules: str) -> str:
    """`from_rules`, with selectors that have RECORDED, or `raw`, with RAW. Only one of them finds series."""
    return f"({from_rules}) or ({raw})"


def fleet_energy_kwh(over: str = "$__range", by: str = "charger_id") -> str:
    """Energy delivered, in kWh, from the recording rules or raw data."""
    level = "charger" if by == "charger_id" else "site"
    rises = f"{level}:vecharge_charger_energy_joules:rise{{{RECORDED},{TARGET}}}"
    from_rules = f"sum by ({by}) (sum_over_time({rises}[{over}])) / {JOULES_PER_KWH}"
    return recorded(energy_kwh(RAW, over=over, by=by), from_rules)


def fleet_energy_in_bars() -> str:
    """Energy of all chargers in each step, in kWh, from the recording rules or raw data."""
    rises = f"site:vecharge_charger_energy_joules:rise{{{RECORDED},{TARGET}}}"
    from_rules = f"sum(sum_over_time({rises}[$__interval] offset -$__interval)) / {JOULES_PER_KWH}"
    raw = rise_in_bars("vecharge_charger_energy_joules_total", RAW, by="")
    return recorded(f"{raw} / {JOULES_PER_KWH}", from_rules)


def share_of_time(gauge_of_0_or_1: str, *matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """The share of the time, 0 to 1, for which a gauge was 1. Time without scrapes does not count."""
    series = select(gauge_of_0_or_1, *matchers)
    return f"sum by ({by}) (sum_over_time({series}[{over}])) / sum by ({by}) (count_over_time({series}[{over}]))"


def availability(*matchers: str, over: str = "$__range", by: str = "charger_id") -> str:
    """The share of the time for which chargers were up, from raw data."""
    return share_of_time("vecharge_charger_up", *matchers, over=over, by=by)


def fleet_availability(by: str = "charger_id") -> str:
    """The share of the range for which chargers were up, from the recording rules or raw data."""
    up = f"charger:vecharge_charger_up:avg5m{{{RECORDED},{TARGET}}}"
    from_rules = f"avg by ({by}) (avg_over_time({up}[$__range]))"
    return recorded(availability(RAW, by=by), from_rules)


def state(*matchers: str) -> str:
    """0 unreachable, 1 off, 2 on, 3 unknown: see `meanings.STATE`."""
    return f"{gauge('vecharge_charger_up', *matchers)} * {_status(*matchers)}"


def state_over_step(*matchers: str) -> str:
    """`state` over each step: unreachable if the charger was unreachable at any time in it."""
    return f"{over_step('min', 'vecharge_charger_up', *matchers)} * {_status(*matchers)}"


def status_over_step(*matchers: str) -> str:
    """The last reported status over the step between two points: 0 unknown, 1 off, 2 on; see `meanings.STATUS`."""
    on, off = (select("vecharge_charger_status", f'status="{status}"', *matchers) for status in ("on", "off"))
    over = "max_over_time({}[$__rate_interval])".format
    return f"max by (charger_id) ({over(on)} * 2 or {over(off)})"


def _status(*matchers: str) -> str:
    statuses = {1: 'status="off"', 2: 'status="on"', 3: 'status="unknown"'}
    numbered = " or ".join(
        f"{select('vecharge_charger_status', status, *matchers)} * {number}" for number, status in statuses.items()
    )
    return f"max by (charger_id) ({numbered})"


def seen() -> str:
    """Every charger that was watched within the range, with the labels of its info as far as they are known."""
    raw = f"last_over_time({select('vecharge_charger_info', RAW)}[$__range])"
    return _seen(recorded(raw, f"last_over_time({select(SEEN_IN_AN_HOUR, RECORDED)}[$__range])"))


def seen_without_sources() -> str:
    """`seen` for a dashboard without the variables `raw` and `recorded`; it reads raw data every half hour."""
    raw = f"last_over_time({select('vecharge_charger_info')}[$__range:30m])"
    return _seen(f"last_over_time({select(SEEN_IN_AN_HOUR)}[$__range]) or {raw}")


def _seen(before: str) -> str:
    """The chargers of now, of the last hour (the rule is evaluated hourly), and those of the query `before`."""
    now = select("vecharge_charger_info")
    sources = (now, f"last_over_time({now}[1h])", before)
    return _with_name(" or on (charger_id) ".join(f"topk by (charger_id) (1, {source})" for source in sources))


def unwatched() -> str:
    """The chargers that were watched within the range and are not watched now."""
    return f"group by (charger_id) ({seen()}) unless on (charger_id) {gauge('vecharge_charger_up')}"


def state_or_unwatched(watched: str, *matchers: str) -> str:
    """`state`, or -1 for a charger that is in `watched` and is not watched now."""
    return f"{state(*matchers)} or on (charger_id) group by (charger_id) ({watched}) * 0 - 1"


def age_seconds(timestamp: str, *matchers: str) -> str:
    """The seconds since a timestamp."""
    return f"time() - {gauge(timestamp, *matchers)}"


def info(*matchers: str, over: str | None = None) -> str:
    """One info series per charger, with an added label `charger`: its name, or its id if it has no name.

    `over` keeps chargers that were watched within that time.
    """
    series = select("vecharge_charger_info", *matchers)
    return _with_name(f"topk by (charger_id) (1, {f'last_over_time({series}[{over}])' if over else series})")


def _with_name(series: str) -> str:
    by_id = f'label_replace({series}, "charger", "$1", "charger_id", "(.*)")'
    return f'label_replace({by_id}, "charger", "$1", "name", "(.+)")'


def named(query: str, *labels: str, of: str = TARGET) -> str:
    """`query`, one series for each charger, with the label `charger` and other labels of the charger's info.

    `of` is a matcher for the chargers in the query, so that the query reads the info of these only.
    """
    return f"({query}) * on (charger_id) group_left ({', '.join(('charger', *labels))}) {info(of)}"


def named_of_range(query: str, *labels: str) -> str:
    """`named` for an instant query over the range: includes chargers that are not watched now."""
    return f"({query}) * on (charger_id) group_left ({', '.join(('charger', *labels))}) ({seen()})"


def of_exporters(series: str) -> str:
    """The series of our exporters among those that every target has, like `up` and process_*."""
    return f"({series} and on (job, instance) last_over_time({BUILD_INFO}[$__range]))"


def exporters(*matchers: str) -> str:
    """`up` of every exporter of the range.

    A target that has never answered counts under the same conditions as in VechargeExporterDown: its job has an
    exporter or has `vecharge` in its name, or the target has the exporter's port.
    """
    up = select("up", *matchers)
    of_ours = f"{up} and on (job) last_over_time({BUILD_INFO}[$__range])"
    named, port = (select("up", *matchers, matcher) for matcher in ('job=~".*vecharge.*"', 'instance=~".+:10037"'))
    return f"({of_exporters(up)} or ({of_ours} or {named} or {port}) == 0)"


def exporters_up() -> str:
    """How many exporters are up, of how many that should exist.

    A job should have as many exporters as it has targets, or as the label `total_shards` says.
    histogram_quantile() is the only function that turns a label into a number.
    """
    shards = select("vecharge_exporter_shard_info")
    buckets = (
        f'label_replace({shards}, "le", "$1", "total_shards", "(.+)") or label_replace({shards}, "le", "+Inf", "", "")'
    )
    stated = f"histogram_quantile(1, max by (job, le) ({buckets}))"
    targets = f'label_replace(count by (job) ({exporters()}), "le", "targets", "", "")'
    return part_of(f"sum({exporters()}) or vector(0)", f"sum(max by (job) ({targets} or {stated}))")


def part_of(part: str, whole: str) -> str:
    """How much of the whole is missing; the label `shown` says how much is there, as in "1 of 2"."""
    counted = f'count_values("part", {part}) * on () group_left (whole) count_values("whole", {whole})'
    return f'label_join({counted}, "shown", " of ", "part", "whole") * scalar(({whole}) - ({part}))'
