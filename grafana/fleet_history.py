"""The Fleet dashboard's panels over time: power, energy, availability, sessions, sites and the week."""

from itertools import pairwise

from grafana import promql
from grafana.charts import RANKING_HEIGHT, bars, distribution, months, ranking, trend
from grafana.frames import Panel, Query
from grafana.meanings import WARN
from grafana.promql import JOULES_PER_KWH, RAW, RECORDED, TARGET, gauge, named, recorded
from grafana.tables import week

POWER = gauge("vecharge_charger_power_watts", RAW)
ON = 'status="on"'
# The upper bounds of the histograms, as the exporter writes them. This one is shown in kWh.
ENERGY_BOUNDS = {f"{kwh}": f"{kwh * 3.6e6:.3g}" for kwh in (1, 2, 5, 10, 20, 30, 40, 60, 80, 100)}
DURATION_BOUNDS = {
    "5 m": "300.0",
    "15 m": "900.0",
    "30 m": "1800.0",
    **{f"{hours} h": f"{hours * 3600}.0" for hours in (1, 2, 3, 4, 6, 8, 12, 24)},
}


def over_time() -> list[Panel]:
    return [
        trend(
            "Power by account",
            "Mean power that the chargers of an account deliver, stacked. The line is the peak of their sum.",
            [Query(power_by_account(), "{{account}}"), Query(peak_power(), "Peak", WARN)],
            "watt",
            width=8,
            stacked=True,
            not_stacked="B",
            least=0,
        ),
        bars(
            "Energy per day",
            "Energy that all chargers delivered on each of the last 30 days, independent of the chosen range. "
            "The last bar is today until now.",
            [Query(promql.fleet_energy_in_bars(), "Energy")],
            "suffix:kWh",
            width=8,
            every="1d",
            last="30d",
            legend_shown=False,
        ),
        trend(
            "Availability",
            "Share of the chargers that were up. The line is the 97 % that public funding programmes ask for.",
            [Query(share_up(), "Availability")],
            "percentunit",
            width=8,
            most=1,
            soft_least=0.9,
            lines=((None, "transparent"), (0.97, WARN)),
            legend_shown=False,
        ),
    ]


def from_rules(metric: str, *matchers: str) -> str:
    return f"{metric}{{{','.join((*matchers, RECORDED, TARGET))}}}"


def power_by_account() -> str:
    power = from_rules("account:vecharge_charger_power_watts:sum")
    return recorded(
        f"sum by (account) ({named(POWER, 'account', of=RAW)})",
        f"sum by (account) (avg_over_time({power}[$__rate_interval]))",
    )


def peak_power() -> str:
    power = from_rules("account:vecharge_charger_power_watts:sum")
    return recorded(f"sum({POWER})", f"max_over_time(sum({power})[$__rate_interval:1m])")


def share_up() -> str:
    up, watched = (from_rules(f"account:vecharge_charger_up:{operation}") for operation in ("sum", "count"))
    mean = "sum(avg_over_time({}[$__rate_interval]))".format
    return recorded(promql.availability(RAW, over="$__rate_interval", by=""), f"{mean(up)} / {mean(watched)}")


def sessions_and_sites() -> list[Panel]:
    return [
        distribution(
            "Sessions by energy (kWh)",
            "Number of sessions that ended in the range, by the energy that they delivered.",
            in_buckets("vecharge_account_session_energy_joules", ENERGY_BOUNDS),
            width=7,
            height=RANKING_HEIGHT,
        ),
        distribution(
            "Sessions by duration",
            "Number of sessions that ended in the range, by their duration.",
            in_buckets("vecharge_account_session_duration_seconds", DURATION_BOUNDS),
            width=7,
            height=RANKING_HEIGHT,
        ),
        ranking(
            "Energy by site",
            "Energy that the chargers of a site (one address) delivered in the range: the top 10 sites.",
            Query(f"topk(10, {energy_by_site()})", "{{address}}"),
            "suffix:kWh",
            width=10,
            height=RANKING_HEIGHT,
            decimals=2,
        ),
    ]


def in_buckets(histogram: str, bounds: dict[str, str]) -> list[Query]:
    """One query per bar: Prometheus' buckets are cumulative, so a bar is the difference of two."""

    def up_to(le: str) -> str:
        return f"sum(increase({promql.select(f'{histogram}_bucket', f'le={chr(34)}{le}{chr(34)}')}[$__range]))"

    names, ends = list(bounds), [*bounds.values(), "+Inf"]
    legends = [f"< {names[0]}", *(f"{low} to {high}" for low, high in pairwise(names)), f"> {names[-1]}"]
    counts = [up_to(ends[0]), *(f"{up_to(high)} - {up_to(low)}" for low, high in pairwise(ends))]
    return [Query(f"round({count})", legend) for count, legend in zip(counts, legends, strict=True)]


def energy_by_site() -> str:
    raw = f"sum by (address) ({promql.named_of_range(promql.energy_kwh(RAW), 'address')})"
    rises = from_rules("site:vecharge_charger_energy_joules:rise")
    return recorded(raw, f"sum by (address) (sum_over_time({rises}[$__range])) / {JOULES_PER_KWH}")


def use_by_hour() -> Panel:
    on, watched = (
        from_rules("account_status:vecharge_charger_status:sum", ON),
        from_rules("account:vecharge_charger_up:count"),
    )
    status = gauge("vecharge_charger_status", ON, RAW)
    share = recorded(f"avg({status})", f"sum({on}) / sum({watched})")
    local = "(vector(time()) + 3600 * $utc_offset)"
    hour = f'label_replace(count_values("hour", hour({local})), "hour", "0$1", "hour", "(.)")'
    weekday = f'count_values("weekday", day_of_week({local}))'
    moment = f"{hour} * on () group_left (weekday) {weekday}"
    return week(
        "Chargers that are on, by weekday and hour (UTC + $utc_offset h)",
        "Share of the chargers that were on, in the last four weeks, independent of the chosen range.",
        f"avg_over_time((({share}) * on () group_right () ({moment}))[28d:1h])",
    )


def energy_by_month() -> Panel:
    return months(
        "Energy per month",
        "Energy that all chargers delivered in each calendar month of the last half year, as far back as Prometheus "
        "has data, independent of the chosen range.",
        Query(promql.fleet_energy_in_bars(), "Energy"),
        "suffix:kWh",
        last="6M",
    )
