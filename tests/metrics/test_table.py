"""The names, types and labels on which users' dashboards and alerts depend."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from exporter.cli.reference import metrics_reference
from exporter.metrics.metric import Metric
from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS, METRICS

# Listed again on purpose: renaming a metric breaks dashboards and alerts of users.
CHARGER_CONTRACT = """
    gauge   vecharge_charger_up
    gauge   vecharge_charger_status{status}
    gauge   vecharge_charger_voltage_volts
    gauge   vecharge_charger_current_amperes
    gauge   vecharge_charger_power_watts
    counter vecharge_charger_energy_joules_total
    gauge   vecharge_charger_energy_excess_joules
    gauge   vecharge_charger_session_energy_joules
    gauge   vecharge_charger_previous_energy_joules
    counter vecharge_charger_sessions_total
    gauge   vecharge_charger_session_start_timestamp_seconds
    gauge   vecharge_charger_wifi_connected
    gauge   vecharge_charger_active
    gauge   vecharge_charger_generator_on{report}
    gauge   vecharge_charger_last_log_timestamp_seconds
    gauge   vecharge_charger_connected_timestamp_seconds
    gauge   vecharge_charger_latitude_degrees
    gauge   vecharge_charger_longitude_degrees
    gauge   vecharge_charger_info{name,account,device_id,operator,partner_id,mode,address,detail}
    counter vecharge_charger_readings_total
    counter vecharge_charger_readings_rejected_total
    gauge   vecharge_stream_connected
    counter vecharge_stream_connections_total
    counter vecharge_stream_disconnections_total
    counter vecharge_stream_connect_failures_total
    gauge   vecharge_stream_last_event_timestamp_seconds
"""
ACCOUNT_CONTRACT = """
    gauge   vecharge_account_token_expiry_timestamp_seconds
    counter vecharge_account_events_total{event}
    counter vecharge_account_decode_errors_total{event}
    counter vecharge_account_readings_rejected_total{reason}
    counter vecharge_account_energy_judgements_total{judgement}
    histogram vecharge_account_session_energy_joules
    histogram vecharge_account_session_duration_seconds
    counter vecharge_account_connect_failures_total{reason}
    counter vecharge_account_disconnections_total{reason}
    gauge   vecharge_exporter_chargers
"""
EXPORTER_CONTRACT = """
    gauge   vecharge_exporter_build_info{version,python_version,socketio_version}
    gauge   vecharge_exporter_shard_info{shard,total_shards}
    gauge   vecharge_exporter_config_last_reload_successful
    gauge   vecharge_exporter_config_last_reload_success_timestamp_seconds
    counter vecharge_exporter_state_commits_total
    counter vecharge_exporter_state_commit_failures_total
    counter vecharge_exporter_state_commit_seconds_total
    gauge   vecharge_exporter_state_damaged_files
    counter vecharge_exporter_scrapes_total
    counter vecharge_exporter_scrape_seconds_total
    counter vecharge_exporter_http_requests_total{code}
    gauge   vecharge_exporter_streams_waiting_for_files
"""
LABEL_VALUES = {
    "vecharge_charger_status": ["on", "off", "unknown"],
    "vecharge_charger_generator_on": ["desired", "reported"],
    "vecharge_account_events_total": [
        "chargerConnected",
        "statusChanged",
        "newLog",
        "chargerDisconnected",
        "error",
        "other",
    ],
    "vecharge_account_readings_rejected_total": [
        "duplicate",
        "out_of_order",
        "invalid",
        "implausible",
        "energy_glitch",
    ],
    "vecharge_account_energy_judgements_total": [
        "dip",
        "resumed",
        "new_session",
        "unannounced_reset",
        "merged",
        "jump_counted",
        "jump_set_aside",
        "clock_reset",
        "document_session",
    ],
    "vecharge_account_connect_failures_total": [
        "rejected",
        "unreachable",
        "timeout",
        "tls",
        "protocol",
        "occupied",
        "other",
    ],
    "vecharge_account_disconnections_total": ["server", "transport", "idle", "reload"],
    "vecharge_exporter_http_requests_total": ["200", "400", "401", "403", "404", "405", "429", "500", "503", "other"],
}
LABEL_VALUES["vecharge_account_decode_errors_total"] = LABEL_VALUES["vecharge_account_events_total"]


def signatures(contract: str) -> list[str]:
    return [" ".join(line.split()) for line in contract.strip().splitlines()]


@pytest.mark.parametrize(
    ("metrics", "contract"),
    [
        (CHARGER_METRICS, CHARGER_CONTRACT),
        (ACCOUNT_METRICS, ACCOUNT_CONTRACT),
        (EXPORTER_METRICS, EXPORTER_CONTRACT),
    ],
    ids=["charger", "account", "exporter"],
)
def test_metrics_have_the_documented_names_types_and_labels(metrics: tuple[Metric[Any], ...], contract: str) -> None:
    rows = (
        f"{metric.kind} {metric.name}" + (f"{{{','.join(metric.labels)}}}" if metric.labels else "")
        for metric in metrics
    )
    assert list(rows) == signatures(contract)


@pytest.mark.parametrize("name", LABEL_VALUES)
def test_labels_have_the_documented_values(name: str) -> None:
    (metric,) = (metric for metric in METRICS if metric.name == name)
    assert [series.label_values for series in metric.series] == [(value,) for value in LABEL_VALUES[name]]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_help_text_is_one_plain_sentence_in_one_line(metric: Metric[Any]) -> None:
    # A help text has no characters to escape, so our renderer does not escape them.
    assert re.fullmatch(r'[A-Z][^\\"\n]*\.', metric.help)


def test_the_reference_names_every_metric_its_type_and_when_it_is_absent() -> None:
    reference = metrics_reference()
    for metric in METRICS:
        labels = f"{{{','.join(metric.labels)}}}" if metric.labels else ""
        (row,) = (line for line in reference.splitlines() if line.startswith(f"| `{metric.name}{labels}` |"))
        assert f"| {metric.kind} |" in row
        assert metric.help in row
        assert row.endswith(f"| {metric.absent} |")


def test_the_reference_in_the_documentation_is_up_to_date(golden: Callable[[str, str], None]) -> None:
    golden("../../docs/metrics.md", metrics_reference())
