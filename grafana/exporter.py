"""The Exporter dashboard: whether the numbers of the other dashboards can be trusted."""

from functools import partial

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import boards, meanings, promql
from grafana.boards import Row
from grafana.charts import bars, ranking, trend, value
from grafana.exporter_promql import (
    BUILDS,
    CHARGERS,
    CHARGERS_OF_EACH,
    CONNECTED_STREAMS,
    EXPORTERS,
    LOADED,
    RUNNING,
    TOKEN_LEFT,
    counted,
    each,
    per_instance,
    rate,
    seconds_each,
    select,
)
from grafana.frames import Panel, Query
from grafana.meanings import GOOD, NONE_IS_GOOD, NONE_IS_MISSING, RELOADED, TOKEN_LEFT_SECONDS, UP
from grafana.promql import INSTANCE
from grafana.tables import Column, rows

wide = partial(value, width=6)


def board() -> Dashboard:
    """The dashboard."""
    return boards.board(
        "vecharge-exporter",
        "veCharge / Exporter",
        "The exporters themselves: streams, readings, scrapes, state on disk, tokens and resources.",
        [
            Row("Now", [*numbers(), processes(), boards.alerts(boards.firing(), width=24, height=6), tokens()]),
            Row("Streams", streams()),
            Row("Events and readings", events()),
            Row("Scrapes and state on disk", scrapes()),
            Row("Process", resources()),
        ],
        variables=[boards.chosen_instance()],
        annotations=[boards.alert_marks(boards.firing())],
    )


def numbers() -> list[Panel]:
    return [
        boards.exporters_up(),
        wide("Chargers", "Chargers that the exporters watch.", CHARGERS, "none"),
        wide(
            "Connected streams",
            "Connected streams, of one per charger. The service ends a stream after each session, and the exporter "
            "reconnects it within seconds.",
            promql.part_of(CONNECTED_STREAMS, CHARGERS),
            "none",
            steps=NONE_IS_MISSING,
            shown="shown",
        ),
        wide(
            "Configuration",
            "Whether every exporter runs on the configuration that it last tried to load.",
            f"min({select('vecharge_exporter_config_last_reload_successful')})",
            "none",
            words=RELOADED,
        ),
        wide(
            "Next token expiry",
            "Time until the first token expires. The exporter reads the file of a token again for every connection.",
            f"min({TOKEN_LEFT})",
            "s",
            steps=TOKEN_LEFT_SECONDS,
            decimals=1,
        ),
        wide(
            "Scrape time",
            "Mean time to answer a scrape, of the slowest exporter.",
            f"max({seconds_each('vecharge_exporter_scrape')})",
            "s",
            decimals=1,
        ),
        wide(
            "Readings",
            "Readings per minute that all exporters accept.",
            f"{rate('vecharge_charger_readings_total', '')} * 60",
            "cpm",
            decimals=0,
        ),
        wide(
            "Failed commits",
            "Commits of the state that failed in the chosen time range. Until one succeeds, the exporter serves the "
            "last committed totals.",
            promql.rise("vecharge_exporter_state_commit_failures_total", INSTANCE, by=""),
            "none",
            steps=NONE_IS_GOOD,
        ),
    ]


def processes() -> Panel:
    return rows(
        "Exporters",
        "Every exporter of the range: its version, how long it has been running, and how long ago it loaded its "
        "configuration. An exporter that is down comes first.",
        BUILDS,
        [
            Column("Up", expr=f"max by (instance) ({EXPORTERS})", unit="none", words=UP, width=60),
            Column("Instance", label="instance"),
            Column("Version", label="version", width=80),
            Column("Python", label="python_version", width=80),
            Column("Socket.IO", label="socketio_version", width=80),
            Column("Chargers", expr=CHARGERS_OF_EACH, unit="none", width=80),
            Column("Running", expr=RUNNING, unit="s", decimals=1, width=95),
            Column(
                "Reload",
                expr=per_instance("vecharge_exporter_config_last_reload_successful"),
                unit="none",
                words=RELOADED,
                width=95,
            ),
            Column("Loaded", expr=LOADED, unit="s", decimals=1, width=95),
        ],
        key="instance",
        height=6,
        sort="Up",
    )


def tokens() -> Panel:
    return ranking(
        "Token expiry",
        "Time for which the token of each account is still valid: orange below 14 days, red below 3. A token without "
        "an expiry is not shown.",
        Query(f"sort({TOKEN_LEFT})", "{{account}}"),
        "s",
        steps=TOKEN_LEFT_SECONDS,
        width=24,
        height=6,
        most=90 * 86_400,
        decimals=1,
    )


def streams() -> list[Panel]:
    return [
        trend(
            "Connected streams",
            "Connected streams, and chargers: each charger should have one connected stream.",
            [Query(CHARGERS, "Chargers", meanings.QUIET), Query(CONNECTED_STREAMS, "Connected", GOOD)],
            "none",
            width=8,
            least=0,
        ),
        counted_by(
            "Ended connections by reason",
            "server: the service closed it, as it does when a charger is switched off; transport: the connection broke;"
            " idle: the service sent nothing; reload: the exporter closed it.",
            "vecharge_account_disconnections_total",
            "reason",
        ),
        counted_by(
            "Failed connections by reason",
            "rejected: the service rejects token or charger; occupied: another device is connected to the charger; "
            "unreachable, timeout, tls; protocol: another version of Socket.IO; other: see the exporter's log.",
            "vecharge_account_connect_failures_total",
            "reason",
        ),
    ]


def events() -> list[Panel]:
    return [
        trend(
            "Events",
            "Events per second from the service, by event name.",
            [Query(rate("vecharge_account_events_total", "event"), "{{event}}")],
            "eps",
            width=8,
            stacked=True,
            least=0,
        ),
        counted_by(
            "Decode errors by event",
            "Payloads that could not be decoded, or in which a field was invalid.",
            "vecharge_account_decode_errors_total",
            "event",
        ),
        counted_by(
            "Rejected readings by reason",
            "duplicate, out_of_order: sent again; invalid: the energy is not a valid number; implausible: it needs too "
            "much power; energy_glitch: the energy fell within a session.",
            "vecharge_account_readings_rejected_total",
            "reason",
        ),
    ]


def scrapes() -> list[Panel]:
    return [
        counted_by(
            "HTTP answers by status code",
            "All HTTP answers of the exporters: 401 wrong password, 403 foreign origin, 429 too many requests.",
            "vecharge_exporter_http_requests_total",
            "code",
            width=12,
        ),
        by_instance(
            "Time to answer a scrape",
            "Mean time of a scrape, including the commit of the state.",
            seconds_each("vecharge_exporter_scrape"),
            "s",
            width=12,
        ),
        bars(
            "Commits of the state",
            "How often the state was written to disk, and how often that failed.",
            [
                Query(counted("vecharge_exporter_state_commits_total"), "Committed", GOOD),
                Query(counted("vecharge_exporter_state_commit_failures_total"), "Failed", meanings.BAD),
            ],
            "none",
            width=12,
            every="5m",
        ),
        by_instance(
            "Time of a commit",
            "Mean time of a commit, most of which is spent waiting for the disk.",
            seconds_each("vecharge_exporter_state_commit"),
            "s",
            width=12,
        ),
    ]


def resources() -> list[Panel]:
    return [
        by_instance(
            "CPU",
            "CPU that the exporter uses, as a share of one core.",
            each("process_cpu_seconds_total", "rate({}[$__rate_interval])"),
            "percentunit",
        ),
        by_instance(
            "Memory",
            "Resident memory.",
            each("process_resident_memory_bytes"),
            "bytes",
        ),
        by_instance(
            "Open files",
            "Open file descriptors as a share of the limit. Each stream needs one.",
            f"{each('process_open_fds')} / {each('process_max_fds')}",
            "percentunit",
        ),
    ]


def counted_by(title: str, description: str, counter: str, label: str, *, width: int = 8) -> Panel:
    """Bars of the number of events, by the values of a label."""
    queries = [Query(counted(counter, label), f"{{{{{label}}}}}")]
    return bars(title, description, queries, "none", width=width, every="5m")


def by_instance(title: str, description: str, expr: str, unit: str, *, width: int = 8) -> Panel:
    """A line for each exporter."""
    return trend(title, description, [Query(expr, "{{instance}}")], unit, width=width, least=0)
