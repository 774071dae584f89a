"""The Fleet dashboard: how all chargers are doing, and which of them need attention."""

from functools import partial

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import boards, fleet_history, promql
from grafana.boards import CHARGER_LINK, Row
from grafana.charts import ranking, timeline, value
from grafana.frames import Panel, Query
from grafana.meanings import AVAILABILITY, FEW_ARE_GOOD, NONE_IS_GOOD, NONE_IS_LOST, STATE
from grafana.promql import age_seconds, fleet_availability, fleet_energy_kwh, gauge, increase, named, named_of_range
from grafana.tables import Column, places, rows

UP = gauge("vecharge_charger_up")
ON = 'status="on"'
POWER = gauge("vecharge_charger_power_watts")
SESSION_KWH = f"{gauge('vecharge_charger_session_energy_joules')} / {promql.JOULES_PER_KWH}"
# The service ends a stream when its charger is switched off, so only ends beyond the number of sessions are breaks.
BREAKS = (
    f"round({increase('vecharge_stream_disconnections_total', over='1d')}"
    f" - {increase('vecharge_charger_sessions_total', over='1d')})"
)
REJECTED = f"round({increase('vecharge_charger_readings_rejected_total', over='1d')})"
ALL = ""
PAGE = "20"
SHOWN = 'charger_id=~"$shown"'

wide = partial(value, width=6)


def board() -> Dashboard:
    """The dashboard."""
    return boards.board(
        "vecharge-fleet",
        "veCharge / Fleet",
        "All EV chargers: state, power, energy and availability.",
        [
            Row("Now", [*numbers(), states(), boards.alerts(boards.firing(), width=24, height=6)]),
            Row("Power, energy and availability", fleet_history.over_time()),
            Row("Chargers", [chargers()]),
            Row("Sessions and sites in the chosen range", fleet_history.sessions_and_sites()),
            Row("Chargers that need attention", worst_ten()),
            Row("Use by hour and weekday: reads four weeks", [fleet_history.use_by_hour()], closed=True),
            Row("Energy by month: reads half a year", [fleet_history.energy_by_month()], closed=True),
            Row("Map: needs expose_location in the exporter's configuration", [on_the_map()], closed=True),
        ],
        variables=[*boards.sources(), *boards.pages(PAGE, fleet_availability())],
        annotations=[boards.alert_marks(boards.firing())],
    )


def numbers() -> list[Panel]:
    return [
        boards.exporters_up(),
        wide("Chargers", "Chargers that were watched within the range.", f"count({promql.seen()})", "none"),
        wide(
            "Unreachable",
            "Chargers that are watched and cannot be reached now.",
            f"sum({UP} == bool 0) or vector(0)",
            "none",
            steps=NONE_IS_GOOD,
        ),
        wide(
            "Unwatched",
            "Chargers that were watched within the range and are not now: their exporter is down, or they were removed "
            "from its configuration.",
            f"count({promql.unwatched()}) or vector(0)",
            "none",
            steps=NONE_IS_LOST,
        ),
        wide(
            "On",
            "Chargers that are switched on, by their last reported status.",
            f"sum({gauge('vecharge_charger_status', ON)})",
            "none",
        ),
        wide(
            "Charging",
            f"Chargers that deliver more than {promql.CHARGING_WATTS} W now.",
            f"sum({POWER} > bool {promql.CHARGING_WATTS})",
            "none",
        ),
        wide("Power", "Power that all chargers together deliver now.", f"sum({POWER})", "watt", decimals=1),
        wide(
            "Last 24 h",
            "Energy that all chargers delivered in the last 24 hours.",
            fleet_energy_kwh(over="1d", by=ALL),
            "kwatth",
            decimals=2,
        ),
        wide(
            "Last 30 d",
            "Energy that all chargers delivered in the last 30 days, as far back as Prometheus has data.",
            fleet_energy_kwh(over="30d", by=ALL),
            "kwatth",
            decimals=2,
        ),
        wide(
            "Sessions",
            "Charging sessions that ended in the chosen time range.",
            promql.rise("vecharge_account_session_energy_joules_count", by=ALL),
            "none",
        ),
        wide(
            "Availability",
            "Share of the chosen time range for which the chargers were up, over all chargers. Public funding "
            "programmes ask for 97 %. Time without scrapes does not count.",
            fleet_availability(by=ALL),
            "percentunit",
            steps=AVAILABILITY,
            decimals=1,
        ),
        wide(
            "Firing",
            "Alerts of prometheus/alerts.yml that fire now.",
            f"count({boards.firing()}) or vector(0)",
            "none",
            steps=NONE_IS_GOOD,
        ),
    ]


def states() -> Panel:
    return timeline(
        "State of the least available chargers",
        f"Unreachable, off or on. {PAGE} chargers, the least available of the range first; the variable Page shows the "
        "next ones. A step in which a charger was ever unreachable is red.",
        [(Query(named(promql.state_over_step(SHOWN), of=SHOWN), "{{charger}}"), STATE)],
        height=11,
    )


def chargers() -> Panel:
    return rows(
        "All chargers",
        "Every charger that was watched within the range, with its current state; unwatched and unreachable ones first."
        " Energy and availability are over the range. Click a name to open the charger.",
        f"group by (charger_id, charger, account) ({promql.seen()})",
        [
            Column("Charger", label="charger", link=CHARGER_LINK),
            Column("Id", label="charger_id", width=80),
            Column("Account", label="account", width=85),
            Column("State", expr=promql.state_or_unwatched(promql.seen()), unit="none", words=STATE, width=95),
            Column("Power", expr=POWER, unit="suffix:W", decimals=0, width=75),
            Column("Session", expr=SESSION_KWH, unit="suffix:kWh", decimals=2, width=85),
            Column("Energy", expr=fleet_energy_kwh(), unit="suffix:kWh", decimals=2, width=100),
            Column("Uptime", expr=fleet_availability(), unit="percentunit", decimals=1, steps=AVAILABILITY, width=75),
            Column(
                "Last log",
                expr=age_seconds("vecharge_charger_last_log_timestamp_seconds"),
                unit="s",
                decimals=1,
                width=85,
            ),
        ],
        key="charger_id",
        height=14,
        sort="State",
    )


def worst_ten() -> list[Panel]:
    return [
        ranking(
            "Least available",
            "The chargers that were up for the smallest share of the chosen range: red below 90 %, green from 97 %.",
            Query(f"bottomk(10, {named_of_range(fleet_availability())})", "{{charger}}"),
            "percentunit",
            steps=AVAILABILITY,
            most=1,
            decimals=1,
        ),
        ranking(
            "Most reconnections in 24 h",
            "How often a stream broke and was reconnected. The service ends a stream when its charger is switched off: "
            "one end per session is normal and is not counted here.",
            Query(f"topk(10, {named_of_range(BREAKS)} > 0)", "{{charger}}"),
            "none",
            steps=FEW_ARE_GOOD,
            decimals=0,
            nothing="None",
        ),
        ranking(
            "Most rejected readings in 24 h",
            "Readings that were rejected: duplicate, out of order, invalid, implausible, or with an energy that fell.",
            Query(f"topk(10, {named_of_range(REJECTED)} > 0)", "{{charger}}"),
            "none",
            steps=FEW_ARE_GOOD,
            decimals=0,
            nothing="None",
        ),
    ]


def on_the_map() -> Panel:
    return places(
        "Chargers on the map",
        "Where the chargers are, coloured by their state. Empty unless the exporter exposes positions.",
        f"group by (charger_id, charger, account) ({promql.info()})",
        [
            Column("Charger", label="charger", link=CHARGER_LINK),
            Column("Id", label="charger_id"),
            Column("State", expr=promql.state(), unit="none", words=STATE),
            Column("Power", expr=POWER, unit="watt", decimals=1),
            Column("Latitude", expr=gauge("vecharge_charger_latitude_degrees"), unit="degree", decimals=4),
            Column("Longitude", expr=gauge("vecharge_charger_longitude_degrees"), unit="degree", decimals=4),
        ],
        key="charger_id",
        latitude="Latitude",
        longitude="Longitude",
        colour="State",
    )
