"""The rule files and their unit tests."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
PROMETHEUS = PROJECT / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
RECORDING = PROMETHEUS / "recording.yml"
# It always fires.
WATCHDOG = "VechargeWatchdog"
UNIT_TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert or a recording rule; a recording rule has no `for` and no annotations."""

    name: str
    expr: str
    for_: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


EXPORTER = {"job": "ev", "instance": "a:10037"}
ACCOUNT = {"job": "ev", "account": "delhi"}
CHARGER = EXPORTER | ACCOUNT | {"charger_id": "c1", "address": "Sector 22"}
# The labels that a rule adds beside severity and scope.
LABELS: dict[str, dict[str, str]] = {
    "VechargeSiteOutage": ACCOUNT | {"address": "Sector 22"},
    "VechargeExporterAbsent": {},
    "VechargeShardMissing": {"job": "ev", "total_shards": "2"},
    "VechargeWatchdog": {},
}


def labels_of(alert: str) -> dict[str, str]:
    """The labels with which Prometheus sends an alert."""
    rule = next(rule for rule in alerts() if rule.name == alert)
    subject = {"charger": CHARGER, "account": ACCOUNT, "exporter": EXPORTER}[rule.labels["scope"]]
    return {"alertname": alert, **rule.labels, **LABELS.get(alert, subject)}


def alerts() -> list[Rule]:
    return list(_rules(ALERTS, "alert"))


def records() -> list[Rule]:
    """The recording rules, those that alerts need too."""
    return [*_rules(ALERTS, "record"), *_rules(RECORDING, "record")]


def alerts_without_links() -> str:
    """The alerts without `dashboard_url`, which holds the time of the evaluation."""
    return re.sub(r"^ +dashboard_url: .*\n(?: {12}.*\n)*", "", ALERTS.read_text(), flags=re.MULTILINE)


GROUPS = re.findall(r"^  - name: (.+)$", ALERTS.read_text(), re.MULTILINE)
# promtool evaluates groups in a random order, unless a test file has this line.
GROUP_ORDER = f"group_eval_order: [{', '.join(GROUPS)}]"


@cache
def document(file: Path) -> Any:
    """The content of a YAML file, read once."""
    return yaml.safe_load(file.read_text())


def _rules(file: Path, kind: str) -> Iterator[Rule]:
    for group in document(file)["groups"]:
        for rule in group["rules"]:
            if kind not in rule:
                continue
            yield Rule(
                name=rule[kind],
                expr=rule["expr"],
                for_=rule.get("for", ""),
                labels=rule.get("labels", {}),
                annotations=rule.get("annotations", {}),
            )
