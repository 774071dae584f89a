"""Breaks things one after the other and prints what fired, who was notified and what the dashboards said.

    python -m tests.rules.broken FOLDER [PREVIEW]

The rules are the shipped ones in fast motion: a minute is 5 seconds. Each scenario has its own
simulator, two shards, Prometheus and Alertmanager. PREVIEW is a program that draws dashboards: pictures go to FOLDER.
"""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import requests
import yaml

from tests import debian
from tests.dashboards.reading import FOLDER as DASHBOARDS
from tests.dashboards.reading import read
from tests.processes import SECONDS, Process
from tests.prometheus import Prometheus
from tests.rules.alertmanager import Alertmanager
from tests.rules.rulefiles import ALERTS, PROMETHEUS, RECORDING
from tests.rules.webhook import Webhook

VECHARGE_EXPORTER = Path(sys.executable).with_name("vecharge-exporter")
MINUTE = 5
START_SECONDS = 240.0
alertmanager = cache(debian.alertmanager)
AT_ONCE = 6
NUMBERS = ("Exporters up", "Chargers", "Unreachable", "Unwatched", "Last 24 h", "Availability", "Firing")
VARIABLES = {"job": ".+", "instance": ".+", "raw": ".+", "recorded": "", "page": "1", "shown": ".+"}


def fast(text: str) -> str:
    """Durations of rules and routes in fast motion."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

    def shorten(found: re.Match[str]) -> str:
        return f"{found[1]}{max(1, int(found[2]) * seconds[found[3]] * MINUTE // 60)}s"

    return re.sub(r"((?:for|interval|group_wait|group_interval|repeat_interval): |\[)(\d+)([smhd])\b", shorten, text)


class Stack:
    """One fleet with everything that watches it."""

    def __init__(self, folder: Path, chargers: int, *, second_shard: bool = True) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.ids = [f"sim-{number:04}" for number in range(1, chargers + 1)]
        self.running = ExitStack()
        self.webhook = self.running.enter_context(Webhook())
        flags = (
            "simulate",
            "--listen-address=127.0.0.1:0",
            f"--chargers={chargers}",
            f"--log-interval={max(2, chargers // 30)}",
            "--seed=1",
        )
        simulator = self.running.enter_context(Process(VECHARGE_EXPORTER, *flags, output=folder / "simulator.log"))
        self.service = simulator.wait_for_line(r"chargers at (http://127[0-9.]+:[1-9][0-9]*)", START_SECONDS)[1]
        token = requests.get(f"{self.service}/simulator/token", timeout=SECONDS).json()["token"]
        self.token = folder / "token"
        self.token.write_text(token)
        account = {"name": "delhi", "url": self.service, "token_file": str(self.token), "chargers": self.ids}
        self.config = folder / "vecharge.yml"
        self.config.write_text(yaml.safe_dump({"accounts": [account]}))
        self.shards = [self.shard(0), self.shard(1) if second_shard else None]
        self.addresses = [self._address(shard) if shard else "127.0.0.1:1" for shard in self.shards]
        for source in (ALERTS, RECORDING):
            (folder / source.name).write_text(fast(source.read_text()))
        routes = (PROMETHEUS / "alertmanager.yml").read_text().replace("http://localhost:8080", self.webhook.url)
        (folder / "alertmanager.yml").write_text(fast(routes))
        self.alertmanager = self.running.enter_context(
            Alertmanager(alertmanager(), folder / "alertmanager", folder / "alertmanager.yml")
        )
        alertmanagers = [{"static_configs": [{"targets": [self.alertmanager.address]}]}]
        config = {
            "rule_files": [str(folder / ALERTS.name), str(folder / RECORDING.name)],
            "alerting": {"alertmanagers": alertmanagers},
        }
        self.prometheus = self.running.enter_context(
            Prometheus(debian.prometheus(), folder / "prometheus", self.addresses, config=config)
        )
        self.prometheus.wait_for(
            f"sum(vecharge_charger_up) >= {chargers if second_shard else 1}", seconds=START_SECONDS
        )

    def shard(self, number: int, port: str = "0") -> Process:
        shards = (f"--shard={number}", "--total-shards=2")
        return self.running.enter_context(
            Process(
                VECHARGE_EXPORTER,
                "run",
                f"--config.file={self.config}",
                f"--web.listen-address=127.0.0.1:{port}",
                f"--storage.path={self.folder / f'state-{number}'}",
                *shards,
                output=self.folder / f"exporter-{number}-{time.monotonic_ns()}.log",
            )
        )

    @staticmethod
    def _address(shard: Process) -> str:
        return shard.wait_for_line(r"listening.* address=(127[0-9.]+:[1-9][0-9]*)", START_SECONDS)[1]

    def order(self, what: str, **body: object) -> None:
        requests.post(f"{self.service}/simulator/{what}", json=body, timeout=SECONDS).raise_for_status()

    def dashboard(self) -> dict[str, str]:
        """The numbers at the top of the fleet dashboard."""
        found = {}
        for title in NUMBERS:
            query = next(query for query in read("fleet").queries if query.panel == title)
            expr = query.filled_in(range_seconds=600, step_seconds=15, scrape_seconds=1, **VARIABLES)
            samples = self.prometheus.query(expr)
            found[title] = ", ".join(one.labels.get("shown") or f"{one.value:.4g}" for one in samples) or "nothing"
        return found

    def fired(self) -> list[str]:
        samples = self.prometheus.query(
            'max by (alertname, severity) (max_over_time(ALERTS{alertstate="firing",severity!="none"}[1h]))'
        )
        return sorted(
            f"{one.labels['alertname'].removeprefix('Vecharge')} ({one.labels['severity']})" for one in samples
        )

    def notified(self) -> list[str]:
        """Each notification: its receiver, and how many alerts of which name fire or are resolved in it."""
        lines = []
        for notification in self.webhook.notifications:
            names = Counter(
                f"{alert['labels']['alertname'].removeprefix('Vecharge')} {alert['status']}"
                for alert in notification.body["alerts"]
            )
            told = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in names.items())
            lines.append(f"{notification.receiver}: {told}")
        return lines

    def energy_kwh(self) -> tuple[float, float]:
        """The true totals of all chargers, and what the exporters have counted."""
        truth = requests.get(f"{self.service}/simulator/totals", timeout=SECONDS).json()
        counted = self.prometheus.query("sum(vecharge_charger_energy_joules_total) / 3.6e6")
        return sum(float(one["total_kwh"]) for one in truth["chargers"]), sum(one.value for one in counted)

    def draw(self, preview: str, name: str) -> None:
        now = int(time.time())
        for board in ("fleet", "exporter"):
            picture = self.folder.parent / f"{name}-{board}.png"
            times = ("--from", f"{now - 600}000", "--to", f"{now}000", "--scrape-interval", "1s", "--width", "1600")
            command = (
                preview,
                DASHBOARDS / f"{board}.json",
                "--prometheus",
                self.prometheus.url,
                *times,
                "--out",
                picture,
            )
            subprocess.run(command, check=False, capture_output=True, timeout=300)


def minutes(number: float) -> None:
    time.sleep(number * MINUTE)


def killed_shard(stack: Stack) -> Callable[[], object]:
    shard, port = stack.shards[1], stack.addresses[1].rpartition(":")[2]
    assert shard
    shard.stop()
    return lambda: stack.shard(1, port)


def service_down(stack: Stack) -> Callable[[], object]:
    stack.order("restart", seconds=12 * MINUTE)
    return lambda: None


def token_refused(stack: Stack) -> Callable[[], object]:
    stack.order("token/revoke")
    stack.order("chargers/all/drop")
    return lambda: stack.order("token/restore")


def wifi_flapping(stack: Stack) -> Callable[[], object]:
    for _ in range(20):
        stack.order(f"chargers/{stack.ids[0]}/offline")
        minutes(0.5)
        stack.order(f"chargers/{stack.ids[0]}/online")
        minutes(0.5)
    return lambda: None


def nothing(_: Stack) -> Callable[[], object]:
    return lambda: None


def site_without_power(stack: Stack) -> Callable[[], object]:
    stack.order("chargers/all/offline")
    return lambda: stack.order("chargers/all/online")


SCENARIOS: dict[str, tuple[Callable[[Stack], Callable[[], object]], int, bool]] = {
    "shard killed": (killed_shard, 8, True),
    "service down": (service_down, 8, True),
    "token refused": (token_refused, 8, True),
    "wifi flapping": (wifi_flapping, 8, True),
    "exporter never up": (nothing, 8, False),
    "a thousand chargers offline": (site_without_power, 1000, True),
}


def play(folder: Path, name: str, preview: str | None) -> str:
    begin, chargers, second_shard = SCENARIOS[name]
    stack = Stack(folder / name.replace(" ", "-"), chargers, second_shard=second_shard)
    with stack.running:
        before = stack.energy_kwh()
        repair = begin(stack)
        minutes(12)
        during = stack.dashboard()
        if preview:
            stack.draw(preview, name.replace(" ", "-"))
        notified_during = len(stack.webhook.notifications)
        repair()
        minutes(32)
        lines = [f"## {name}", f"fired: {', '.join(stack.fired())}"]
        lines += [f"dashboard while broken: {during}", f"dashboard at the end: {stack.dashboard()}"]
        told = stack.notified()
        lines += [f"notification: {line}" for line in told[:notified_during]]
        lines += [f"notification after the repair: {line}" for line in told[notified_during:]]
        delivered, counted = (end - begin for begin, end in zip(before, stack.energy_kwh(), strict=True))
        lines.append(
            f"kWh since the start: {counted:.2f} counted, {delivered:.2f} delivered by the simulator's chargers"
        )
        return "\n".join(lines)


def attempt(folder: Path, name: str, preview: str | None) -> str:
    """A scenario; one that fails leaves the others alone."""
    try:
        return play(folder, name, preview)
    except (AssertionError, OSError, requests.RequestException) as error:
        return f"## {name}\nnot played: {error!r}"


def main(folder: Path, preview: str | None) -> None:
    alertmanager()  # prepared once, before the scenarios run at once
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for report in pool.map(lambda name: attempt(folder, name, preview), SCENARIOS):
            print(report, end="\n\n", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
