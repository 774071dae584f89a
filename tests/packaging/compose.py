"""compose.yaml, started with podman instead of Docker. `make test-image` runs it, `make test` does not.

Grafana's image cannot be built here: test_compose.py checks its part of the file.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from tests.conftest import or_skip
from tests.packaging import containers
from tests.packaging.tools import ROOT
from tests.processes import SECONDS, Process, answer, wait_until

OVERRIDE = Path(__file__).with_name("compose.override.yaml")
CHARGERS = ["sim-0001", "sim-0002", "sim-0003"]


class Stack:
    """The services of one profile, in a copy of the repository that a test may change."""

    def __init__(self, root: Path, profile: str, socket: Path) -> None:
        self.root = root
        files: list[str | Path] = ["--file", root / "deploy/compose.yaml", "--file", OVERRIDE]
        project = f"vecharge-test-{profile}"
        host = f"DOCKER_HOST=unix://{socket}"
        self._command: list[str | Path] = ["env", host, containers.compose_program(), *files, "--project-name", project]
        self._command += ["--profile", profile]

    def compose(self, *arguments: str) -> str:
        return containers.run(*self._command, *arguments)

    def up(self, *services: str) -> None:
        self.compose("up", "--detach", "--no-build", *services)

    def url(self, service: str, port: int) -> str:
        return f"http://{self.compose('port', service, str(port)).strip()}"

    def healthy(self, service: str) -> bool:
        """The result of its health check, run now: podman has no timer for it."""
        container = self.compose("ps", "--quiet", service).strip()
        return containers.succeeds("podman", "healthcheck", "run", container)

    def query(self, promql: str) -> list[dict[str, str]]:
        """The labels of the series in the result of a query."""
        url = f"{self.url('prometheus', 9090)}/api/v1/query"
        found = requests.get(url, {"query": promql}, timeout=SECONDS).json()["data"]["result"]
        return [series["metric"] for series in found]


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The address at which podman serves Docker's API."""
    or_skip(containers.prepare)
    folder = tmp_path_factory.mktemp("podman")
    path = folder / "podman.sock"
    service = ["podman", "system", "service", "--time=0", f"unix://{path}"]
    with Process(*service, output=folder / "podman.log", env=containers.engine()):
        wait_until(path.exists, "podman's service")
        yield path


@contextmanager
def stack(root: Path, profile: str, socket: Path) -> Iterator[Stack]:
    for folder in ("deploy", "prometheus", "grafana"):
        shutil.copytree(ROOT / folder, root / folder)
    # The same rules, in seconds instead of minutes.
    hasten(root / "deploy/prometheus/prometheus.yml", r"15s", "1s")
    hasten(root / "prometheus/alerts.yml", r"for: \d+[mh]", "for: 1s")
    hasten(root / "prometheus/alertmanager.yml", r"group_wait: \d+s", "group_wait: 1s")
    services = Stack(root, profile, socket)
    try:
        yield services
    finally:
        services.compose("down", "--volumes", "--timeout", "5")


def hasten(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, file.read_text())
    assert count, f"{file.name} has no {pattern}"
    file.write_text(text)


def wait_until_healthy(services: Stack, names: Sequence[str]) -> None:
    for name in names:
        wait_until(lambda: services.healthy(name), f"{name} healthy", seconds=60)  # noqa: B023  (called at once)


@pytest.mark.parametrize(("options", "exporter"), [([], "exporter"), (["--profile", "demo"], "demo")])
def test_one_exporter_is_started_in_every_profile(options: list[str], exporter: str) -> None:
    or_skip(containers.prepare)
    file = ROOT / "deploy/compose.yaml"
    names = containers.run(containers.compose_program(), "--file", file, *options, "config", "--services").split()
    assert sorted(names) == sorted([exporter, "prometheus", "alertmanager", "grafana"])


def test_the_demo_needs_no_preparation(tmp_path: Path, socket: Path) -> None:
    with stack(tmp_path, "demo", socket) as demo:
        demo.up("demo", "prometheus", "alertmanager")
        wait_until_healthy(demo, ["demo", "prometheus", "alertmanager"])
        wait_until(lambda: len(demo.query("vecharge_charger_up == 1")) == 12, "12 chargers up in Prometheus", 60)
        assert demo.query('up{job="vecharge"} == 1') == [{"__name__": "up", "instance": "vecharge", "job": "vecharge"}]


def test_an_alert_of_a_watched_charger_reaches_a_webhook(tmp_path: Path, socket: Path) -> None:
    with stack(tmp_path, "live", socket) as live:
        live.up("simulator")
        simulator = live.url("simulator", 10038)
        wait_until(lambda: answer(f"{simulator}/simulator/token"), "the simulator")
        account = {
            "name": "test",
            "url": "http://simulator:10038",
            "token_file": "/run/secrets/vecharge_token",
            "chargers": CHARGERS,
        }
        (live.root / "deploy/exporter/config.yml").write_text(yaml.safe_dump({"accounts": [account]}))
        token = requests.get(f"{simulator}/simulator/token", timeout=SECONDS).json()["token"]
        (live.root / "deploy/secrets/vecharge_token").write_text(token)
        live.up("exporter", "prometheus", "alertmanager", "webhook")

        wait_until_healthy(live, ["exporter", "prometheus", "alertmanager"])
        wait_until(lambda: len(live.query("vecharge_charger_up == 1")) == len(CHARGERS), "every charger up", 60)
        assert live.query("up == 0") == []
        requests.post(f"{simulator}/simulator/chargers/{CHARGERS[0]}/offline", timeout=SECONDS).raise_for_status()
        notification = rf'"alertname":"VechargeCharger\w+".*"charger_id":"{CHARGERS[0]}"'
        wait_until(lambda: re.search(notification, live.compose("logs", "webhook")), "the alert at the webhook", 120)
