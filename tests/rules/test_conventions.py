"""The conventions of all rules, so that the receiver of an alert knows what to do."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from exporter.metrics.table import METRICS
from tests.rules.rulefiles import ALERTS, PROJECT, RECORDING, WATCHDOG, Rule, alerts, records

RUNBOOKS = PROJECT / "docs" / "runbooks.md"
RUNBOOK_URL = "https://github.com/vecharge-exporter/vecharge-exporter/blob/main/docs/runbooks.md"
# What rules and runbooks may name beside METRICS: Prometheus' own, and prometheus-client's.
FOREIGN = {"up", "process_start_time_seconds", "process_resident_memory_bytes"}
KNOWN = {metric.name for metric in METRICS} | FOREIGN

every_alert = pytest.mark.parametrize(
    "alert", [alert for alert in alerts() if alert.name != WATCHDOG], ids=lambda alert: alert.name
)
every_record = pytest.mark.parametrize("record", records(), ids=lambda record: record.name)
every_rule = pytest.mark.parametrize("rule", [*alerts(), *records()], ids=lambda rule: rule.name)


@pytest.mark.parametrize("file", [ALERTS, RECORDING], ids=lambda file: file.name)
def test_promtool_finds_no_problem(promtool: Path, file: Path) -> None:
    ended = subprocess.run(
        [promtool, "check", "rules", "--lint=all", "--lint-fatal", file], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr


@every_alert
def test_an_alert_waits_before_it_fires(alert: Rule) -> None:
    assert re.fullmatch(r"[1-9]\d*m", alert.for_)


@every_alert
def test_an_alert_has_a_severity_and_a_scope(alert: Rule) -> None:
    assert set(alert.labels) == {"severity", "scope"}
    assert alert.labels["severity"] in {"critical", "warning", "info"}
    assert alert.labels["scope"] in {"charger", "account", "exporter"}


@every_alert
def test_an_alert_has_a_summary_a_description_a_runbook_and_a_dashboard(alert: Rule) -> None:
    assert set(alert.annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert alert.annotations["runbook_url"] == f"{RUNBOOK_URL}#{alert.name.lower()}"


@every_alert
def test_a_summary_is_one_short_sentence(alert: Rule) -> None:
    summary = re.sub(r"\{\{ with .*? end \}\}", "", alert.annotations["summary"])
    assert re.fullmatch(r"[A-Z][^\n]{0,99}\.", summary)
    assert ". " not in summary


@pytest.mark.parametrize(
    "alert", [alert for alert in alerts() if alert.labels["scope"] == "charger"], ids=lambda alert: alert.name
)
def test_an_alert_on_a_charger_has_its_name_beside_its_id_and_its_account_its_site_and_the_value(alert: Rule) -> None:
    named = "Charger {{ $labels.charger_id }}{{ with $labels.name }} ({{ . }}){{ end }}"
    assert alert.annotations["summary"].startswith(named)
    assert alert.annotations["description"].startswith(named)
    for value in ("$labels.account", "$labels.address", "$value"):
        assert value in alert.annotations["description"]


@every_rule
def test_a_rule_names_only_metrics_that_exist(rule: Rule) -> None:
    recorded = {record.name for record in records()}
    assert set(re.findall(r"\b\w+:\w+:\w+\b", rule.expr)) <= recorded
    assert _metrics_in(re.sub(r"\b\w+:\w+:\w+\b", "", rule.expr)) <= KNOWN


@every_rule
def test_a_rule_does_not_depend_on_the_name_of_the_job(rule: Rule) -> None:
    if rule.name != "VechargeExporterDown":  # of a target that has never answered nothing else is known
        assert not re.search(r"\b(job|instance)\s*[=!]", rule.expr)


@every_alert
def test_an_alert_joins_the_recorded_info_series_which_is_one_for_each_charger(alert: Rule) -> None:
    assert "vecharge_charger_info" not in alert.expr.replace("charger:vecharge_charger_info:last", "")


@every_rule
def test_counter_functions_are_applied_to_counters_only(rule: Rule) -> None:
    if rule.name.endswith((":rise", ":counted")):  # the exact rise, by the difference of two values
        return
    counters = {metric.name for metric in METRICS if metric.kind == "counter"}
    risen = set(re.findall(r"\b(?:increase|rate|resets)\((\w+)", rule.expr))
    assert risen & KNOWN == _metrics_in(rule.expr) & counters


@every_record
def test_a_recorded_name_is_level_metric_operation(record: Rule) -> None:
    level, metric, operation = record.name.split(":")
    if level == "vecharge":  # a setting
        return
    assert re.fullmatch(r"account|charger|site|account_(reason|status)", level)
    assert metric in {name.removesuffix("_total") for name in KNOWN}
    assert re.fullmatch(r"sum|count|max|last|rise|counted|(rate|increase|avg|(avg|last)_over_time)\d+[mhd]", operation)


@every_record
def test_a_recorded_name_has_the_window_of_its_expression(record: Rule) -> None:
    if record.name.endswith((":last", ":max", ":rise")):  # how far they look back is no part of what they mean
        return
    named = set(re.findall(r":[a-z_]+?(\d+[mhd])$", record.name))
    windows = set(re.findall(r"\[(\w+)\]", record.expr))
    assert windows == named or (not windows and "vecharge_charger" in record.expr and ":" in record.expr)


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    headings = re.findall(r"^### (.+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert headings == [alert.name for alert in alerts()]


@every_alert
def test_a_runbook_has_meaning_checks_and_remedy(alert: Rule) -> None:
    section = re.split(r"^##+ ", RUNBOOKS.read_text(), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(f"{alert.name}\n"))
    assert re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE) == ["Meaning", "Look at", "Do"]


def test_runbooks_name_only_metrics_that_exist_and_link_only_to_sections_that_exist() -> None:
    text = RUNBOOKS.read_text()
    anchors = {heading.lower() for heading in re.findall(r"^###? (\w+)$", text, re.MULTILINE)}
    assert _metrics_in(text) <= KNOWN
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors


def test_the_queries_of_the_runbooks_are_valid(promtool: Path, tmp_path: Path) -> None:
    spans = re.findall(r"`([^`\n]+)`", RUNBOOKS.read_text())
    queries = [span for span in spans if _metrics_in(span) and re.search(r"[( ]", span)]
    assert queries
    file = tmp_path / "queries.yml"
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}))
    ended = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


def _metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:vecharge_|process_)[a-z_0-9]+\b", text)) | set(re.findall(r"\bup\b(?= == 0)", text))
