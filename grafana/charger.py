"""The Charger dashboard: everything about one charger."""

from grafana_foundation_sdk.models.dashboard import Dashboard, VariableHide

from grafana import boards, charger_energy, meanings, promql
from grafana.boards import Row
from grafana.charger_promql import SESSION_KWH, THIS, gauge, rises
from grafana.charts import bars, timeline, trend, value
from grafana.frames import Panel, Query
from grafana.meanings import AVAILABILITY, CONNECTED, PLAIN, STATE, STATUS, UP, VOLTAGE_BAND, WARN
from grafana.promql import age_seconds, availability, energy_kwh, info, over_step, rate, select
from grafana.tables import Column, rows


def board() -> Dashboard:
    """The dashboard."""
    return boards.board(
        "vecharge-charger",
        "veCharge / Charger",
        "One EV charger: state, readings, energy, sessions and the health of its stream.",
        [
            Row("Now", numbers()),
            Row("Readings", readings()),
            Row("Energy and sessions", charger_energy.panels()),
            Row("Stream", stream()),
            Row("About this charger", about()),
        ],
        variables=[named_charger(), account()],
        annotations=[
            boards.annotation(
                "Sessions",
                f"{gauge('vecharge_charger_session_start_timestamp_seconds')} * 1000",
                PLAIN,
                "Session",
                "A charging session began.",
                at_value=True,
            ),
            boards.alert_marks(firing(info(THIS))),
        ],
    )


def firing(info: str) -> str:
    """The alerts on the charger, and those without a charger on its account, its site (by `info`) and the exporters."""
    others = ('charger_id=""', 'account=~"$account|"')
    of_account = boards.firing(*others, 'address=""')
    of_site = boards.firing(*others, 'address!=""')
    return f"{boards.firing(THIS)} or {of_account} or {of_site} and on (account, address) {info}"


def named_charger() -> boards.Variable:
    """A variable that shows name and id, and has the id as value. It includes chargers whose exporter is down."""
    shown = f'label_join({promql.seen_without_sources()}, "shown", " · ", "charger", "charger_id")'
    chargers = f"group by (charger_id, shown) ({shown})"
    regex = '/charger_id="(?<value>[^"]+)".*shown="(?<text>[^"]+)"/'
    return boards.asked("charger_id", "Charger", f"query_result({chargers})").regex(regex)


def account() -> boards.Variable:
    """The account of the charger, for metrics that have no charger_id."""
    variable = boards.asked("account", "Account", f"label_values({select('vecharge_charger_info', THIS)}, account)")
    return variable.hide(VariableHide.HIDE_VARIABLE)


def numbers() -> list[Panel]:
    return [
        value(
            "State",
            "Unreachable, off or on; unwatched while its exporter is down.",
            promql.state_or_unwatched(f"last_over_time({select('vecharge_charger_info', THIS)}[$__range])", THIS),
            "none",
            words=STATE,
        ),
        value(
            "Power",
            "Power of the last reading; nothing while the readings are stale.",
            gauge("vecharge_charger_power_watts"),
            "watt",
            decimals=1,
        ),
        value(
            "Voltage",
            "Voltage of the last reading; green within 230 V ± 10 %. Nothing while the charger is off.",
            gauge("vecharge_charger_voltage_volts"),
            "volt",
            steps=VOLTAGE_BAND,
            decimals=1,
        ),
        value(
            "Current",
            "Current of the last reading; nothing while the readings are stale.",
            gauge("vecharge_charger_current_amperes"),
            "amp",
            decimals=1,
        ),
        value(
            "Session",
            "Energy of the running session, or of the last one while the charger is off.",
            SESSION_KWH,
            "kwatth",
            decimals=2,
        ),
        value(
            "Duration",
            "How long the running session has lasted. Nothing while the charger is off.",
            age_seconds("vecharge_charger_session_start_timestamp_seconds", THIS),
            "s",
            decimals=1,
        ),
        value(
            "Last log",
            "Time since the charger wrote its last accepted log. A charger that is off writes none.",
            age_seconds("vecharge_charger_last_log_timestamp_seconds", THIS),
            "s",
            decimals=1,
        ),
        value(
            "Wi-Fi",
            "Whether the service reports the charger's Wi-Fi as connected.",
            gauge("vecharge_charger_wifi_connected"),
            "none",
            words=CONNECTED,
        ),
        value(
            "Stream",
            "Whether the stream of the charger's events is connected.",
            gauge("vecharge_stream_connected"),
            "none",
            words=CONNECTED,
        ),
        value("Energy", "Energy delivered in the chosen time range.", energy_kwh(THIS), "kwatth", decimals=2),
        value(
            "Sessions",
            "Sessions in the chosen time range that delivered energy.",
            promql.rise("vecharge_charger_sessions_total", THIS),
            "none",
        ),
        value(
            "Availability",
            "Share of the chosen time range for which the charger was up. Time without scrapes does not count.",
            availability(THIS),
            "percentunit",
            steps=AVAILABILITY,
            decimals=1,
        ),
    ]


def readings() -> list[Panel]:
    return [
        trend(
            "Power",
            "Mean and maximum power of the accepted readings; a gap where there were none.",
            [
                Query(over_step("avg", "vecharge_charger_power_watts", THIS), "Mean"),
                Query(over_step("max", "vecharge_charger_power_watts", THIS), "Maximum", WARN),
            ],
            "watt",
            width=8,
            least=0,
        ),
        trend(
            "Voltage",
            "Voltage of the accepted readings, with the band of 230 V ± 10 %. A gap where the charger was off.",
            [Query(gauge("vecharge_charger_voltage_volts"), "Voltage")],
            "volt",
            width=8,
            soft_least=200,
            soft_most=260,
            lines=((None, meanings.BAD), (207, "transparent"), (253, meanings.BAD)),
            legend_shown=False,
        ),
        trend(
            "Current",
            "Current of the accepted readings; a gap where there were none.",
            [Query(gauge("vecharge_charger_current_amperes"), "Current")],
            "amp",
            width=8,
            least=0,
            legend_shown=False,
        ),
        timeline(
            "State, Wi-Fi and stream",
            "Whether the charger could be reached, was switched on, had Wi-Fi, and whether its stream was connected."
            " Each step shows the worst state within it, so short outages stay visible.",
            [
                (Query(over_step("min", "vecharge_charger_up", THIS), "Up"), UP),
                (Query(promql.status_over_step(THIS), "Status"), STATUS),
                (Query(over_step("min", "vecharge_charger_wifi_connected", THIS), "Wi-Fi"), CONNECTED),
                (Query(over_step("min", "vecharge_stream_connected", THIS), "Stream"), CONNECTED),
            ],
        ),
        boards.alerts(
            firing(info(THIS, over="$__range")),
            description="Alerts on this charger, its site, its account and the exporters.",
            width=24,
            height=6,
        ),
    ]


def stream() -> list[Panel]:
    return [
        bars(
            "Connections",
            "How often the stream was connected, ended, and failed to connect. The service itself ends it when "
            "the charger is switched off.",
            [
                Query(rises("vecharge_stream_connections_total"), "Connected", meanings.GOOD),
                Query(rises("vecharge_stream_disconnections_total"), "Ended", WARN),
                Query(rises("vecharge_stream_connect_failures_total"), "Failed", meanings.BAD),
            ],
            "none",
            width=8,
            every="5m",
        ),
        trend(
            "Readings",
            "Readings per minute, accepted and rejected.",
            [
                Query(f"{rate('vecharge_charger_readings_total', THIS)} * 60", "Accepted", meanings.GOOD),
                Query(f"{rate('vecharge_charger_readings_rejected_total', THIS)} * 60", "Rejected", meanings.BAD),
            ],
            "cpm",
            width=8,
            least=0,
        ),
        trend(
            "Age of log and event",
            "Time since the charger's last log, and since the last event of any kind on its stream. Both grow while "
            "the charger is off.",
            [
                Query(age_seconds("vecharge_charger_last_log_timestamp_seconds", THIS), "Log"),
                Query(age_seconds("vecharge_stream_last_event_timestamp_seconds", THIS), "Event"),
            ],
            "s",
            width=8,
            least=0,
        ),
    ]


def about() -> list[Panel]:
    """Two tables, because one would be cut off at 900 pixels."""
    charger = info(THIS, over="$__range")
    return [
        rows(
            "Configuration",
            "What the exporter's configuration says about this charger, and which exporter watched it last.",
            charger,
            [
                Column("Id", label="charger_id"),
                Column("Name", label="name"),
                Column("Account", label="account"),
                Column("Exporter", label="instance"),
            ],
            height=4,
            sort="Id",
        ),
        rows(
            "Details",
            "What the service says about this charger.",
            charger,
            [
                Column("Operator", label="operator"),
                Column("Address", label="address"),
                Column("Place", label="detail"),
                Column("Mode", label="mode", width=70),
                Column("Device", label="device_id"),
            ],
            height=4,
            sort="Address",
        ),
    ]
