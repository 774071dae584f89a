"""The Fleet dashboard: how all chargers are doing, and which of them do badly."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import boards, promql
from grafana.boards import CHARGER_LINK, Row
from grafana.charts import bars, months, ranking, timeline, trend, value
from grafana.frames import Panel, Query
from grafana.meanings import AVAILABILITY, FEW_ARE_GOOD, GOOD, NONE_IS_GOOD, STATE, WARN
from grafana.promql import age_seconds, availability, energy_kwh, gauge, increase, info, named, share_of_time, state
from grafana.tables import Column, places, rows

UP = gauge("vecharge_charger_up")
ON = 'status="on"'
POWER = gauge("vecharge_charger_power_watts")
SESSION_KWH = f"{gauge('vecharge_charger_session_energy_joules')} / {promql.JOULES_PER_KWH}"
IDENTITY = f"group by (charger_id, charger, account) ({info()})"
# The service ends a stream when its charger is switched off: what goes beyond one a session is a break.
BREAKS = f"round({increase('vecharge_stream_disconnections_total')} - {increase('vecharge_charger_sessions_total')})"
REJECTED = f"round({increase('vecharge_charger_readings_rejected_total')})"
ALL = ""


def board() -> Dashboard:
    """The dashboard."""
    return boards.board(
        "vecharge-fleet",
        "veCharge / Fleet",
        "All EV chargers: state, power, energy and availability.",
        [
            Row("Now", [*numbers(), states(), boards.alerts(width=11, height=11)]),
            Row("Power, energy and availability", over_time()),
            Row("Chargers", [chargers()]),
            Row("Worst ten in the chosen range", worst_ten()),
            Row("Energy by month: reads half a year of history", [energy_by_month()], closed=True),
            Row("Map: needs expose_location in the exporter's configuration", [on_the_map()], closed=True),
        ],
    )


def numbers() -> list[Panel]:
    return [
        value("Chargers", "Chargers that the exporters watch.", f"count({UP})", "none"),
        value("Up", "Chargers that can be reached now.", f"sum({UP})", "none", steps=((None, GOOD),)),
        value(
            "Down",
            "Chargers that cannot be reached now.",
            f"sum({UP} == bool 0)",
            "none",
            steps=NONE_IS_GOOD,
        ),
        value(
            "On",
            "Chargers that are switched on, as the service last said.",
            f"sum({gauge('vecharge_charger_status', ON)})",
            "none",
        ),
        value(
            "Charging",
            f"Chargers that deliver more than {promql.CHARGING_WATTS} W now.",
            f"sum({POWER} > bool {promql.CHARGING_WATTS})",
            "none",
        ),
        value("Power", "Power that all chargers together deliver now.", f"sum({POWER})", "watt", decimals=1),
        value(
            "Last 24 h",
            "Energy that all chargers delivered in the last 24 hours.",
            energy_kwh(over="1d", by=ALL),
            "kwatth",
            decimals=0,
        ),
        value(
            "Last 30 d",
            "Energy that all chargers delivered in the last 30 days.",
            energy_kwh(over="30d", by=ALL),
            "kwatth",
            decimals=1,
        ),
        value(
            "Sessions",
            "Charging sessions that began in the chosen time range.",
            f"round({increase('vecharge_charger_sessions_total', by=ALL)})",
            "none",
        ),
        value(
            "Utilisation",
            "Share of the chosen time range for which the chargers were switched on, over all chargers.",
            share_of_time("vecharge_charger_status", ON, by=ALL),
            "percentunit",
            decimals=0,
        ),
        value(
            "Availability",
            "Share of the chosen time range for which the chargers were up, over all chargers. Public funding "
            "programmes ask for 97 %. Time without scrapes does not count.",
            availability(by=ALL),
            "percentunit",
            steps=AVAILABILITY,
            decimals=1,
        ),
        value(
            "Alerts",
            "Alerts of prometheus/alerts.yml that fire now.",
            f"count(ALERTS{{{boards.FIRING}}}) or vector(0)",
            "none",
            steps=NONE_IS_GOOD,
        ),
    ]


def states() -> Panel:
    return timeline(
        "State of every charger",
        "Unreachable, off or on. A charger is unreachable while its stream, its Wi-Fi or its readings are missing.",
        [(Query(named(state()), "{{charger}}"), STATE)],
        width=13,
        height=11,
        per_page=20,
    )


def over_time() -> list[Panel]:
    return [
        trend(
            "Power by account",
            "Power that the chargers of an account deliver.",
            [Query(f"sum by (account) ({named(POWER, 'account')})", "{{account}}")],
            "watt",
            width=8,
            stacked=True,
            least=0,
        ),
        bars(
            "Energy per day",
            "Energy that all chargers delivered, day by day in the last 30 days, whatever the chosen range. "
            "The last bar is today so far.",
            [Query(promql.within_bars(energy_kwh(over="$__interval", by=ALL)), "Energy")],
            "kwatth",
            width=8,
            every="1d",
            last="30d",
            legend_shown=False,
            decimals=0,
        ),
        trend(
            "Availability",
            "Share of the chargers that were up. The line is the 97 % that public funding programmes ask for.",
            [Query(availability(over="$__rate_interval", by=ALL), "Availability")],
            "percentunit",
            width=8,
            most=1,
            soft_least=0.9,
            lines=((None, "transparent"), (0.97, WARN)),
            legend_shown=False,
        ),
    ]


def chargers() -> Panel:
    return rows(
        "All chargers",
        "Every charger as it is now; energy and availability over the chosen range. A name leads to its charger.",
        IDENTITY,
        [
            Column("Charger", label="charger", link=CHARGER_LINK),
            Column("Id", label="charger_id", width=90),
            Column("Account", label="account", width=100),
            Column("State", expr=state(), unit="none", words=STATE, width=100),
            Column("Power", expr=POWER, unit="watt", decimals=1, width=100),
            Column("Session", expr=SESSION_KWH, unit="kwatth", decimals=1, width=100),
            Column("Energy", expr=energy_kwh(), unit="kwatth", decimals=1, width=100),
            Column("Availability", expr=availability(), unit="percentunit", decimals=1, steps=AVAILABILITY, width=100),
            Column("Last log", expr=age_seconds("vecharge_charger_last_log_timestamp_seconds"), unit="s", width=100),
        ],
        key="charger_id",
        height=14,
        sort="Charger",
    )


def worst_ten() -> list[Panel]:
    return [
        ranking(
            "Least available",
            "The chargers that were up for the smallest share of the chosen range: red below 90 %, green from 97 %.",
            Query(f"bottomk(10, {named(availability())})", "{{charger}}"),
            "percentunit",
            steps=AVAILABILITY,
            most=1,
            decimals=1,
        ),
        ranking(
            "Most reconnections",
            "How often a stream broke and was connected again. The service itself ends a stream when its charger is "
            "switched off: one end a session is normal and not counted here.",
            Query(f"topk(10, {named(BREAKS)} > 0)", "{{charger}}"),
            "none",
            steps=FEW_ARE_GOOD,
            decimals=0,
            nothing="None",
        ),
        ranking(
            "Most rejected readings",
            "Readings that were not accepted: sent twice, out of order, not valid, not plausible, or an energy that "
            "fell.",
            Query(f"topk(10, {named(REJECTED)} > 0)", "{{charger}}"),
            "none",
            steps=FEW_ARE_GOOD,
            decimals=0,
            nothing="None",
        ),
    ]


def energy_by_month() -> Panel:
    return months(
        "Energy per month",
        "Energy that all chargers delivered, by calendar month, whatever the chosen range. It reaches as far back as "
        "Prometheus keeps its data.",
        Query(promql.within_bars(energy_kwh(over="$__interval", by=ALL)), "Energy"),
        "kwatth",
        last="6M",
    )


def on_the_map() -> Panel:
    return places(
        "Chargers on the map",
        "Where the chargers are, coloured by their state. Empty unless the exporter is told to expose positions.",
        IDENTITY,
        [
            Column("Charger", label="charger", link=CHARGER_LINK),
            Column("Id", label="charger_id"),
            Column("State", expr=state(), unit="none", words=STATE),
            Column("Power", expr=POWER, unit="watt", decimals=1),
            Column("Latitude", expr=gauge("vecharge_charger_latitude_degrees"), unit="degree", decimals=4),
            Column("Longitude", expr=gauge("vecharge_charger_longitude_degrees"), unit="degree", decimals=4),
        ],
        key="charger_id",
        latitude="Latitude",
        longitude="Longitude",
        colour="State",
    )
