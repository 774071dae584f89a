"""VechargeAccountOutage, by promtool on fleets that are too large for a YAML file."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.rulefiles import ALERTS, GROUPS

FIRING = 'ALERTS{{alertname="{alert}", alertstate="firing"}}'
OUTAGE = FIRING.format(alert="VechargeAccountOutage")
OFFLINE = FIRING.format(alert="VechargeChargerOffline")


def fleet(chargers: int, down: str, number_down: int) -> list[dict[str, str]]:
    """The series of an account's chargers, spread over two exporters, the first of them with the values `down`."""
    series = []
    for number in range(chargers):
        labels = f'job="ev", instance="{"ab"[number % 2]}:10037", charger_id="c{number}"'
        up = down if number < number_down else "1x90"
        series += [
            {"series": f"vecharge_charger_up{{{labels}}}", "values": up},
            {"series": f'vecharge_charger_info{{{labels}, account="delhi"}}', "values": "1x90"},
        ]
    return series


def expect(promql: str, minute: int, value: int | None) -> dict[str, Any]:
    samples = [] if value is None else [{"labels": "{}", "value": value}]
    return {"expr": promql, "eval_time": f"{minute}m", "exp_samples": samples}


def run(promtool: Path, folder: Path, series: list[dict[str, str]], *expectations: dict[str, Any]) -> None:
    file = folder / "outage.test.yml"
    test = {"interval": "1m", "input_series": series, "promql_expr_test": list(expectations)}
    whole = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "group_eval_order": GROUPS, "tests": [test]}
    file.write_text(yaml.safe_dump(whole))
    ended = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


def test_a_quarter_of_the_chargers_offline_for_3_minutes_is_one_outage(promtool: Path, tmp_path: Path) -> None:
    down_from_5 = "1x4 0x30"
    run(
        promtool,
        tmp_path,
        fleet(12, down_from_5, 3),
        expect(f"count({OUTAGE})", 7, None),
        expect(f"count({OUTAGE})", 8, 1),
    )


@pytest.mark.parametrize(("chargers", "down"), [(8, 2), (13, 3), (40, 9)])
def test_fewer_than_three_or_less_than_a_quarter_are_not_an_outage(
    promtool: Path, tmp_path: Path, chargers: int, down: int
) -> None:
    run(
        promtool,
        tmp_path,
        fleet(chargers, "0x30", down),
        expect(f"count({OUTAGE})", 30, None),
        expect(f"count({OFFLINE})", 30, down),
    )
