"""The row of energy and sessions on the Charger dashboard."""

from grafana import promql
from grafana.charger_promql import SESSION_KWH, gauge, rises
from grafana.charts import bars, trend
from grafana.frames import Panel, Query
from grafana.promql import rise_in_bars
from grafana.tables import Column, rows


def panels() -> list[Panel]:
    """The panels of the row."""
    return [
        bars(
            "Energy per hour",
            "Energy delivered in each hour; in longer steps where the chosen range is long.",
            [Query(f"{rises('vecharge_charger_energy_joules_total')} / {promql.JOULES_PER_KWH}", "Energy")],
            "suffix:kWh",
            width=8,
            every="1h",
            legend_shown=False,
        ),
        trend(
            "Session energy",
            "Energy of the running or last session, as the charger reports it. It starts again at 0 with each session.",
            [Query(SESSION_KWH, "Session")],
            "suffix:kWh",
            width=8,
            least=0,
            legend_shown=False,
        ),
        trend(
            "Energy excess",
            "The energy counter minus the current estimate; 0 in normal operation. "
            "VechargeEnergyExcess fires above 1 kWh for an hour.",
            [Query(f"{gauge('vecharge_charger_energy_excess_joules')} / {promql.JOULES_PER_KWH}", "Excess")],
            "suffix:kWh",
            width=8,
            least=0,
            soft_most=1,
            legend_shown=False,
        ),
        last_sessions(),
        bars(
            "Energy judgements of the account",
            "Decisions of the energy meter that could have been wrong, of all chargers of the account: docs/energy.md.",
            [
                Query(
                    rise_in_bars("vecharge_account_energy_judgements_total", 'account="$account"', by="judgement"),
                    "{{judgement}}",
                )
            ],
            "none",
            every="1h",
        ),
    ]


def last_sessions() -> Panel:
    """A table with a row for each session. count_values turns the start of a session into a label."""
    start = gauge("vecharge_charger_session_start_timestamp_seconds")

    def each(value: str) -> str:
        session = f'count_values("session", {start})'
        most = f"max_over_time(({session} * on () group_left () sum({value}))[$__range:1m])"
        # The first logs correct the start: ignore a start that was exposed for a minute only.
        return f"{most} and on (session) count_over_time(({session})[$__range:1m]) > 2"

    return rows(
        "Last sessions",
        "The sessions of the chosen range, as scraped. For bills use the list of `vecharge-exporter sessions`.",
        f"topk(10, {each(f'{start} * 1000')})",
        [
            Column("Began", expr=f"topk(10, {each(f'{start} * 1000')})", unit="dateTimeAsIso"),
            Column("Energy", expr=each(SESSION_KWH), unit="suffix:kWh", decimals=2, width=90),
            Column("Duration", expr=each(f"time() - {start}"), unit="s", decimals=1, width=90),
        ],
        key="session",
        width=12,
        height=8,
        sort="Began",
        descending=True,
    )
