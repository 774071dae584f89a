"""Every rule is tested with promtool: *.test.yml beside this file."""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.rulefiles import (
    ALERTS,
    GROUP_ORDER,
    RECORDING,
    UNIT_TESTS,
    WATCHDOG,
    alerts,
    alerts_without_links,
    document,
    records,
)


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.name)
def test_rules_pass_their_unit_tests(promtool: Path, tmp_path: Path, file: Path) -> None:
    rules = tmp_path / "prometheus"
    rules.mkdir()
    (rules / "alerts.yml").write_text(alerts_without_links())
    shutil.copy(RECORDING, rules)
    test = tmp_path / file.name
    test.write_text(f"{GROUP_ORDER}\n{file.read_text().replace('../../prometheus/', 'prometheus/')}")
    ended = subprocess.run([promtool, "test", "rules", test], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


DASHBOARDS = {
    "charger": "/d/vecharge-charger?var-charger_id=a%2Fb",
    "account": "/d/vecharge-fleet?var-job=ev",
    "exporter": "/d/vecharge-exporter?",
}


@pytest.mark.parametrize("scope", DASHBOARDS)
def test_a_dashboard_url_shows_the_subject_at_the_time_of_the_alert(promtool: Path, tmp_path: Path, scope: str) -> None:
    (annotation, *others) = {
        alert.annotations["dashboard_url"]
        for alert in alerts()
        if alert.labels["scope"] == scope
        if alert.name != WATCHDOG
    }
    assert not others
    settings = document(ALERTS)["groups"][0]
    alert = {"alert": "Any", "expr": "subject", "annotations": {"dashboard_url": annotation}}
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump({"groups": [settings, {"name": "any", "rules": [alert]}]}))
    seven_hours = 7 * 3600 * 1000
    separator = "" if DASHBOARDS[scope].endswith("?") else "&"
    expected = f"http://localhost:3000{DASHBOARDS[scope]}{separator}to={seven_hours}&from={3600 * 1000}"
    labels = {"job": "ev", "charger_id": "a/b"}
    test = {
        "interval": "1m",
        "input_series": [{"series": 'subject{job="ev", charger_id="a/b"}', "values": "1x480"}],
        "alert_rule_test": [
            {
                "alertname": "Any",
                "eval_time": "7h",
                "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"dashboard_url": expected}}],
            }
        ],
    }
    file = tmp_path / "url.test.yml"
    file.write_text(yaml.safe_dump({"rule_files": ["alerts.yml"], "tests": [test]}))
    ended = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("alert", [alert.name for alert in alerts()])
def test_an_alert_is_tested_silent_then_firing_then_resolved(alert: str) -> None:
    silent_firing_resolved = (False, True) if alert == WATCHDOG else (False, True, False)
    assert any(_changes(test, alert) == silent_firing_resolved for test in _tests()), (
        f"no test in *.test.yml sees {alert} before it fires, while it does and after"
    )


@pytest.mark.parametrize("record", [rule.name for rule in records() if not rule.name.startswith("vecharge:")])
def test_a_recording_rule_is_tested_with_its_samples(record: str) -> None:
    tested = {
        expectation["expr"]
        for test in _tests()
        for expectation in test.get("promql_expr_test", ())
        if expectation["exp_samples"]
    }
    assert record in tested


def _tests() -> Iterator[dict[str, Any]]:
    for file in UNIT_TESTS:
        yield from document(file)["tests"]


def _changes(test: dict[str, Any], alert: str) -> tuple[bool, ...]:
    """Whether the alert fires, over the times at which the test looks, with repetitions left out."""
    looks = [
        bool(expectation["exp_alerts"])
        for expectation in test.get("alert_rule_test", ())
        if expectation["alertname"] == alert
    ]
    return (*looks[:1], *(later for earlier, later in pairwise(looks) if earlier != later))
