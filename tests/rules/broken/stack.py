"""A simulated fleet with everything that watches it, in processes of its own."""

import re
import sys
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, Self

import requests
import yaml

from exporter.config.sharding import Shard
from tests import debian
from tests.processes import SECONDS, Process
from tests.prometheus import Prometheus
from tests.rules.alertmanager import Alertmanager
from tests.rules.rulefiles import ALERTS, PROMETHEUS, RECORDING
from tests.rules.webhook import Webhook

VECHARGE_EXPORTER = Path(sys.executable).with_name("vecharge-exporter")
MINUTE = 5
START_SECONDS = 300.0
SHARDS = 2
SCRAPE_SECONDS = 2
# Where nothing has ever listened.
NOBODY = "127.0.0.1:1"
alertmanager = cache(debian.alertmanager)


def minutes(number: float) -> None:
    time.sleep(number * MINUTE)


def fast(text: str) -> str:
    """Durations of rules and routes in fast motion."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

    def shorten(found: re.Match[str]) -> str:
        return f"{found[1]}{max(1, int(found[2]) * seconds[found[3]] * MINUTE // 60)}s"

    return re.sub(r"((?:for|interval|group_wait|group_interval|repeat_interval): |\[)(\d+)([smhd])\b", shorten, text)


class Stack:
    """A fleet whose chargers are all up, and paused: they deliver nothing until `deliver`."""

    def __init__(self, folder: Path, chargers: int, *, shards: int = SHARDS, unknown: tuple[str, ...] = ()) -> None:
        """`unknown` are chargers of the configuration that the service does not know."""
        folder.mkdir(parents=True)
        self.folder = folder
        self.ids = [f"sim-{number:04}" for number in range(1, chargers + 1)]
        self._running = ExitStack()
        self.webhook = self._running.enter_context(Webhook())
        self.service = self._simulator()
        self._configure([*self.ids, *unknown])
        self.shards: dict[int, Process] = {}
        self.addresses = [NOBODY] * SHARDS
        for number in range(shards):
            self.start_shard(number)
        self.watched = [one for one in self.ids if any(Shard(number, SHARDS).watches(one) for number in self.shards)]
        self.prometheus = self._prometheus()
        self.prometheus.wait_for(f"sum(vecharge_charger_up) == {len(self.watched)}", seconds=START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def start_shard(self, number: int) -> None:
        """Start a shard, at the address that it had before."""
        port = self.addresses[number].rpartition(":")[2] if self.addresses[number] != NOBODY else "0"
        shard = Process(
            VECHARGE_EXPORTER,
            "run",
            f"--config.file={self._config}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--storage.path={self.folder / f'state-{number}'}",
            f"--shard={number}",
            f"--total-shards={SHARDS}",
            output=self.folder / f"exporter-{number}-{time.monotonic_ns()}.log",
        )
        self.shards[number] = self._running.enter_context(shard)
        self.addresses[number] = shard.wait_for_line(r"listening.* address=(127[0-9.]+:[1-9][0-9]*)", START_SECONDS)[1]

    def kill_shard(self, number: int) -> None:
        self.shards.pop(number).stop()

    def order(self, what: str, **body: object) -> None:
        """A request to the simulator."""
        requests.post(f"{self.service}/simulator/{what}", json=body, timeout=SECONDS).raise_for_status()

    def ask(self, what: str) -> Any:
        return requests.get(f"{self.service}/simulator/{what}", timeout=SECONDS).json()

    def _simulator(self) -> str:
        """Its address. At most 30 logs arrive in a second."""
        flags = (f"--chargers={len(self.ids)}", f"--log-interval={max(2, len(self.ids) // 30)}", "--seed=1")
        simulator = Process(
            VECHARGE_EXPORTER, "simulate", "--listen-address=127.0.0.1:0", *flags, output=self.folder / "simulator.log"
        )
        started = self._running.enter_context(simulator)
        self.service = started.wait_for_line(r"chargers at (http://127[0-9.]+:[1-9][0-9]*)", START_SECONDS)[1]
        self.order("chargers/all/pause")
        return self.service

    def _configure(self, chargers: list[str]) -> None:
        token = self.folder / "token"
        token.write_text(self.ask("token")["token"])
        account = {"name": "delhi", "url": self.service, "token_file": str(token), "chargers": chargers}
        self._config = self.folder / "vecharge.yml"
        self._config.write_text(yaml.safe_dump({"accounts": [account]}))

    def _prometheus(self) -> Prometheus:
        """Prometheus with the shipped rules, and Alertmanager with the shipped routes, in fast motion."""
        for source in (ALERTS, RECORDING):
            (self.folder / source.name).write_text(fast(source.read_text()))
        routes = (PROMETHEUS / "alertmanager.yml").read_text().replace("http://localhost:8080", self.webhook.url)
        (self.folder / "alertmanager.yml").write_text(fast(routes))
        receiver = self._running.enter_context(
            Alertmanager(alertmanager(), self.folder / "alertmanager", self.folder / "alertmanager.yml")
        )
        config = {
            "rule_files": [str(self.folder / ALERTS.name), str(self.folder / RECORDING.name)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [receiver.address]}]}]},
        }
        return self._running.enter_context(
            Prometheus(
                debian.prometheus(),
                self.folder / "prometheus",
                self.addresses,
                interval=f"{SCRAPE_SECONDS}s",
                config=config,
            )
        )
