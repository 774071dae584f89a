"""METRICS: one row per metric of the exporter. The only file with metric names.

A row says how its value is read from a charger, an account or the process. None is not known and has no series.
Base units: volts, amperes, watts, joules, seconds, degrees.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, Final, TypeVar

from exporter.charger.account import REJECTIONS, Account
from exporter.charger.charger import Charger
from exporter.charger.events import EVENT_LABELS, OFF, ON, UNKNOWN, Disconnection, Status
from exporter.charger.outcome import Judgement
from exporter.charger.process_stats import HTTP_CODES, OTHER_CODE, ExporterProcess
from exporter.errors import ConnectFailure
from exporter.metrics.metric import Metric, Series, counter, gauge, histogram
from exporter.metrics.read import Committed, Live

Label = TypeVar("Label", bound=str)


def _status_is(status: Status) -> Series[Charger]:
    return Series((status.value,), lambda charger, _: charger.status is status)


def _answers(code: str) -> Series[ExporterProcess]:
    return Series((code,), lambda process, _: process.http_answers[code])


def _counts(
    labels: Iterable[Label], counts_of: Callable[[Account], Mapping[Label, int]]
) -> tuple[Series[Account], ...]:
    def series(label: Label) -> Series[Account]:
        return Series((str(label),), lambda account, _: counts_of(account)[label])

    return tuple(series(label) for label in labels)


CHARGER_METRICS: Final[tuple[Metric[Charger], ...]] = (
    gauge(
        "vecharge_charger_up",
        "Whether the charger can be reached now: stream connected and heard from, Wi-Fi not down, readings not stale.",
        Live("up"),
    ),
    Metric(
        "vecharge_charger_status",
        "gauge",
        "The last status that the service reported; exactly one is 1.",
        (_status_is(ON), _status_is(OFF), _status_is(UNKNOWN)),
        labels=("status",),
    ),
    gauge(
        "vecharge_charger_voltage_volts",
        "Voltage of the last accepted reading.",
        Live("voltage_volts"),
        absent="no reading yet; older than stale_after; status off",
    ),
    gauge(
        "vecharge_charger_current_amperes",
        "Current of the last accepted reading; 0 while off.",
        Live("current_amperes"),
        absent="no reading yet; older than stale_after and not off",
    ),
    gauge(
        "vecharge_charger_power_watts",
        "Power of the last accepted reading; 0 while off.",
        Live("power_watts"),
        absent="no reading yet; older than stale_after and not off",
    ),
    counter(
        "vecharge_charger_energy_joules_total",
        "Energy delivered over all sessions that the exporter has seen.",
        Committed(attrgetter("total_joules")),
        absent="before the first energy reading ever",
        created=lambda charger: charger.first_seen_unix,
    ),
    gauge(
        "vecharge_charger_energy_excess_joules",
        "The energy counter minus the current estimate; 0 in normal operation.",
        Committed(lambda totals: None if totals.total_joules is None else totals.excess_joules),
        absent="before the first energy reading ever",
    ),
    gauge(
        "vecharge_charger_session_energy_joules",
        "Energy of the running or last session, as reported.",
        Live("session_joules"),
        absent="before the first",
    ),
    gauge(
        "vecharge_charger_previous_energy_joules",
        "The service's prev_energy, as reported; its meaning is not documented.",
        lambda charger, _: charger.about.document.previous_energy_joules,
        absent="not reported",
    ),
    counter(
        "vecharge_charger_sessions_total",
        "Charging sessions that have delivered energy.",
        Committed(attrgetter("sessions")),
        created=lambda charger: charger.first_seen_unix,
    ),
    gauge(
        "vecharge_charger_session_start_timestamp_seconds",
        "When the running session began, by the charger's own clock; kept across restarts.",
        Live("session_start_unix"),
        absent="status not on",
    ),
    gauge(
        "vecharge_charger_wifi_connected",
        "Whether the service reports the charger's Wi-Fi as connected.",
        lambda charger, _: charger.wifi_connected,
        absent="not reported",
    ),
    gauge(
        "vecharge_charger_active",
        "Whether the service has the charger in use (isActive).",
        lambda charger, _: charger.about.document.active,
        absent="not reported",
    ),
    Metric(
        "vecharge_charger_generator_on",
        "gauge",
        "Whether the diesel generator behind the charger is on, as desired and as reported.",
        (
            Series(("desired",), lambda charger, _: charger.about.document.generator_desired),
            Series(("reported",), lambda charger, _: charger.about.document.generator_reported),
        ),
        absent="not reported",
        labels=("report",),
    ),
    gauge(
        "vecharge_charger_last_log_timestamp_seconds",
        "When the charger wrote the last accepted log (createdAt).",
        Live("last_log_unix"),
        absent="before the first",
    ),
    gauge(
        "vecharge_charger_connected_timestamp_seconds",
        "When the charger connected to the service (connectedTimestamp).",
        lambda charger, _: charger.about.document.connected_unix,
        absent="not reported",
    ),
    gauge(
        "vecharge_charger_latitude_degrees",
        "Position of the charger: latitude.",
        lambda charger, _: charger.about.position[0],
        absent="not reported, or expose_location is false (the default)",
    ),
    gauge(
        "vecharge_charger_longitude_degrees",
        "Position of the charger: longitude.",
        lambda charger, _: charger.about.position[1],
        absent="not reported, or expose_location is false (the default)",
    ),
    Metric(
        "vecharge_charger_info",
        "gauge",
        "Information about the charger; always 1, an unknown label is empty.",
        (Series((), lambda _charger, _now: 1),),
        labels=("name", "account", "device_id", "operator", "partner_id", "mode", "address", "detail"),
        info=lambda charger: charger.about.labels,
    ),
    counter(
        "vecharge_charger_readings_total",
        "Readings accepted.",
        Live("accepted"),
    ),
    counter(
        "vecharge_charger_readings_rejected_total",
        "Readings not accepted, for all reasons.",
        Live("rejected"),
    ),
    gauge(
        "vecharge_stream_connected",
        "Whether the charger's Socket.IO namespace is connected.",
        lambda charger, _: charger.stream.connected,
    ),
    counter(
        "vecharge_stream_connections_total",
        "Connections of the charger's stream.",
        lambda charger, _: charger.stream.connections,
    ),
    counter(
        "vecharge_stream_disconnections_total",
        "Connections of the charger's stream that ended.",
        lambda charger, _: charger.stream.disconnections,
    ),
    counter(
        "vecharge_stream_connect_failures_total",
        "Attempts to connect the charger's stream that failed.",
        lambda charger, _: charger.stream.connect_failures,
    ),
    gauge(
        "vecharge_stream_last_event_timestamp_seconds",
        "When the last event of any kind arrived.",
        Live("last_event_unix"),
        absent="before the first",
    ),
)

ACCOUNT_METRICS: Final[tuple[Metric[Account], ...]] = (
    gauge(
        "vecharge_account_token_expiry_timestamp_seconds",
        "When the token in use expires (exp).",
        lambda account, _: account.token_expiry_unix,
        absent="the token is not a JWT, or has no exp",
    ),
    Metric(
        "vecharge_account_events_total",
        "counter",
        "Events received, by wire name.",
        _counts(EVENT_LABELS, lambda account: account.events),
        labels=("event",),
    ),
    Metric(
        "vecharge_account_decode_errors_total",
        "counter",
        "Payloads that could not be decoded, or had an invalid field.",
        _counts(EVENT_LABELS, lambda account: account.decode_errors),
        labels=("event",),
    ),
    Metric(
        "vecharge_account_readings_rejected_total",
        "counter",
        "Readings not accepted, by reason.",
        _counts(REJECTIONS, lambda account: account.readings_rejected),
        labels=("reason",),
    ),
    Metric(
        "vecharge_account_energy_judgements_total",
        "counter",
        "Decisions of the energy meter that could have been wrong, by kind.",
        _counts(Judgement, lambda account: account.energy_judgements),
        labels=("judgement",),
    ),
    histogram(
        "vecharge_account_session_energy_joules",
        "Energy of sessions that ended, counted once they are settled. Starts from 0 with the process.",
        lambda account: account.session_energy_joules,
    ),
    histogram(
        "vecharge_account_session_duration_seconds",
        "Duration of sessions that ended, counted as their energy.",
        lambda account: account.session_duration_seconds,
    ),
    Metric(
        "vecharge_account_connect_failures_total",
        "counter",
        "Attempts to connect that failed, by reason.",
        _counts(ConnectFailure, lambda account: account.connect_failures),
        labels=("reason",),
    ),
    Metric(
        "vecharge_account_disconnections_total",
        "counter",
        "Connections that ended, by reason.",
        _counts(Disconnection, lambda account: account.disconnections),
        labels=("reason",),
    ),
    gauge(
        "vecharge_exporter_chargers",
        "Chargers that this process watches.",
        lambda account, _: account.chargers,
    ),
)

EXPORTER_METRICS: Final[tuple[Metric[ExporterProcess], ...]] = (
    Metric(
        "vecharge_exporter_build_info",
        "gauge",
        "The versions of the exporter, of Python and of python-socketio; always 1.",
        (Series((), lambda _process, _now: 1),),
        labels=("version", "python_version", "socketio_version"),
        info=lambda process: (process.version, process.python_version, process.socketio_version),
    ),
    Metric(
        "vecharge_exporter_shard_info",
        "gauge",
        "Which of the shards this exporter is, from 0, and how many there are; always 1.",
        (Series((), lambda _process, _now: 1),),
        labels=("shard", "total_shards"),
        info=lambda process: (str(process.shard), str(process.total_shards)),
    ),
    gauge(
        "vecharge_exporter_config_last_reload_successful",
        "Whether the last attempt to read the configuration succeeded.",
        lambda process, _: process.reload_successful and process.web_reload_successful,
    ),
    gauge(
        "vecharge_exporter_config_last_reload_success_timestamp_seconds",
        "When the configuration was last read with success.",
        lambda process, _: process.reload_success_unix,
    ),
    counter(
        "vecharge_exporter_state_commits_total",
        "Commits of the state file.",
        lambda process, _: process.commits,
    ),
    counter(
        "vecharge_exporter_state_commit_failures_total",
        "Commits of the state file that failed.",
        lambda process, _: process.commit_failures,
    ),
    counter(
        "vecharge_exporter_state_commit_seconds_total",
        "Time spent committing the state file.",
        lambda process, _: process.commit_seconds,
    ),
    gauge(
        "vecharge_exporter_state_damaged_files",
        "Damaged state files that were set aside, as of the start or the last file set aside.",
        lambda process, _: process.damaged_state_files,
    ),
    counter(
        "vecharge_exporter_scrapes_total",
        "Scrapes answered.",
        lambda process, _: process.scrapes,
    ),
    counter(
        "vecharge_exporter_scrape_seconds_total",
        "Time spent answering scrapes.",
        lambda process, _: process.scrape_seconds,
    ),
    Metric(
        "vecharge_exporter_http_requests_total",
        "counter",
        "HTTP requests answered, refused ones included, by status code.",
        tuple(map(_answers, (*HTTP_CODES, OTHER_CODE))),
        labels=("code",),
    ),
    gauge(
        "vecharge_exporter_streams_waiting_for_files",
        "Streams that are not opened because the limit of open files leaves no room for them.",
        lambda process, _: process.streams_waiting_for_files,
    ),
)

METRICS: Final[tuple[Metric[Any], ...]] = (*CHARGER_METRICS, *ACCOUNT_METRICS, *EXPORTER_METRICS)
