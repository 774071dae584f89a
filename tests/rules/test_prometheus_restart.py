"""An alert that fires when Prometheus restarts fires again at once: with the shipped rules and flags."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from tests.processes import Process, wait_until
from tests.prometheus import Prometheus
from tests.rules.alertmanager import Alertmanager
from tests.rules.rulefiles import ALERTS, PROJECT, PROMETHEUS

CHARGER = 'charger_id="c1"'
PAGE = f"""\
vecharge_charger_up{{{CHARGER}}} 0
vecharge_charger_info{{{CHARGER},account="delhi"}} 1
"""


def shipped_flags() -> list[str]:
    compose = yaml.safe_load((PROJECT / "deploy/compose.yaml").read_text())
    return [flag for flag in compose["services"]["prometheus"]["command"] if flag.startswith("--rules.")]


def history(address: str, now: float) -> str:
    """What Prometheus has stored of an alert that has been active for 20 minutes, until a minute ago."""
    charger = f'job="vecharge",instance="{address}",{CHARGER}'
    alert = f'alertname="VechargeChargerOffline",{charger},account="delhi",severity="warning",scope="charger"'
    times = range(int(now) - 20 * 60, int(now) - 60, 15)
    series = {
        f"ALERTS_FOR_STATE{{{alert}}}": times[0],
        f"vecharge_charger_up{{{charger}}}": 0,
        f'charger:vecharge_charger_info:last{{{charger},account="delhi"}}': 1,
    }
    return "".join(f"{name} {value} {unix}\n" for name, value in series.items() for unix in times) + "# EOF\n"


def test_an_alert_keeps_firing_over_a_restart_of_prometheus(
    promtool: Path, prometheus_binary: Path, alertmanager_binary: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page" / "metrics.txt"
    page.parent.mkdir()
    page.write_text(PAGE)
    serve = [sys.executable, "-u", "-m", "http.server", "0", "--bind=127.0.0.1", f"--directory={page.parent}"]
    with (
        Process(*serve, output=tmp_path / "page.log") as server,
        Alertmanager(alertmanager_binary, tmp_path / "alertmanager", PROMETHEUS / "alertmanager.yml") as alertmanager,
    ):
        address = f"127.0.0.1:{server.wait_for_line(r'port ([0-9]+)')[1]}"
        stored = tmp_path / "history"
        stored.write_text(history(address, time.time()))
        data = tmp_path / "prometheus" / "data"
        data.mkdir(parents=True)
        command = (promtool, "tsdb", "create-blocks-from", "openmetrics", stored, data)
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        config = {
            # Prometheus discovers Alertmanager for 5 s, and drops what it sends before.
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "5s"},
            "rule_files": [str(ALERTS)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]},
        }
        with Prometheus(
            prometheus_binary,
            tmp_path / "prometheus",
            [address],
            scrape={"metrics_path": "/metrics.txt"},
            config=config,
            flags=shipped_flags(),
        ) as prometheus:
            # Its `for` is 5 minutes: without the flag it would be pending for that long.
            prometheus.wait_for('ALERTS{alertname="VechargeChargerOffline",alertstate="firing"}', seconds=120)

            def sent() -> datetime | None:
                ends = [one["endsAt"] for one in alertmanager.alerts() if one["labels"].get("charger_id") == "c1"]
                return datetime.fromisoformat(ends[0]) if ends else None

            ends_at = wait_until(sent, "the alert at Alertmanager")
            assert ends_at
            # So long Alertmanager waits for Prometheus before it resolves the alert.
            assert ends_at - datetime.now(UTC) > timedelta(minutes=6)
