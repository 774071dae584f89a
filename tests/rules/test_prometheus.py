"""The configurations of Prometheus that this project offers, by promtool and by a real Prometheus."""

import subprocess
from pathlib import Path

import pytest

from tests.rules.rulefiles import PROMETHEUS

CONFIGS = [PROMETHEUS / "prometheus.yml", *sorted((PROMETHEUS / "examples").glob("*.yml"))]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_promtool_finds_nothing(promtool: Path, config: Path) -> None:
    ended = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
