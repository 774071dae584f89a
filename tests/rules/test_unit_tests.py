"""Every rule is tested with promtool: *.test.yml beside this file, which `promtool test rules` also runs alone."""

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.rules.rulefiles import UNIT_TESTS, alerts, document, records


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.name)
def test_rules_do_what_their_unit_tests_say(promtool: Path, file: Path) -> None:
    ended = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("alert", [alert.name for alert in alerts()])
def test_an_alert_is_tested_silent_then_firing_then_resolved(alert: str) -> None:
    silent_firing_resolved = (False, True, False)
    assert any(_changes(test, alert) == silent_firing_resolved for test in _tests()), (
        f"no test in *.test.yml sees {alert} before it fires, while it does and after"
    )


@pytest.mark.parametrize("record", [rule.name for rule in records()])
def test_a_recording_rule_is_tested_with_the_samples_that_it_gives(record: str) -> None:
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
