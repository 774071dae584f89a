"""Hours of simulated charging as Prometheus would have scraped them, made at once.

The simulator's chargers send events to the exporter's own code, which renders its page, and each page becomes a
scrape: samples with the time of the scrape and the labels `job` and `instance`. No socket, no clock, no wait.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, groupby, takewhile
from pathlib import Path
from random import Random

from exporter.charger import charger as live
from exporter.charger import events
from exporter.charger.account import Account
from exporter.charger.changes import Changes
from exporter.charger.clock import Moment
from exporter.charger.events import Disconnection
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.wire import decode
from exporter.errors import ConnectFailure
from exporter.metrics.render import Exposition
from exporter.simulator import Plan, faults, sites
from exporter.simulator import charger as simulated
from tests.charger.saving import save

JOB = "vecharge"
INSTANCES = ("exporter-0:10037", "exporter-1:10037")
ACCOUNTS = {"delhi": 61.0, "bengaluru": 11.0}  # days for which the token is still good at the end
CHARGERS = 12
SEED = 22
# What goes wrong, by the chargers' places in the fleet.
MOVES = 3  # from the first exporter to the second, halfway
LOSES_ITS_STREAM = 5
GOES_OFFLINE = 8  # for the last half hour
UNNAMED = 10
ALERT = "VechargeChargerOffline"
FAULTS_PER_LOG = 0.002

LOG_SECONDS = 30.0
DAY_SECONDS = 86_400.0
# One of the lengths that Prometheus gives its blocks. promtool reads its whole input once for each block that it makes.
BLOCK_HOURS = 54
BLOCK_SECONDS = BLOCK_HOURS * 3600.0
STREAM_BREAKS_EVERY_SECONDS = 2700.0
OFFLINE_SECONDS = 1800.0
ALERT_AFTER_SECONDS = 300.0
PLAN = Plan(idle=(10 * 60, 90 * 60), weak_wifi_one_in=CHARGERS, wifi_holds=(3600, 4 * 3600))
RULES = live.Rules(expose_location=True)


@dataclass(slots=True)
class Exporter:
    """One process of a sharded pair, and the chargers that it watches."""

    instance: str
    started_unix: float
    ends_unix: float
    accounts: dict[str, Account] = field(default_factory=lambda: {name: Account(name) for name in ACCOUNTS})
    process: ExporterProcess = field(default_factory=lambda: ExporterProcess("0.1.0", "3.11.7", "4.6.1"))
    changes: Changes = field(default_factory=Changes)
    exposition: Exposition = field(default_factory=lambda: Exposition((), Changes()))

    def watch(self, chargers: list[live.Charger]) -> None:
        """Watch exactly these chargers."""
        self.exposition = Exposition(chargers, self.changes)
        for account in self.accounts.values():
            account.chargers = sum(charger.account is account for charger in chargers)

    def scrape(self, now: Moment, random: Random) -> bytes:
        """Answer a scrape: the page, and what prometheus-client and Prometheus add to it."""
        process = self.process
        process.reload_success_unix = self.started_unix
        process.commits += 1
        process.commit_seconds += random.uniform(0.002, 0.005)
        process.scrapes += 1
        process.count_answer(200)
        process.scrape_seconds += random.uniform(0.003, 0.008)
        others = {
            "process_cpu_seconds_total": now.monotonic * 0.011,
            "process_resident_memory_bytes": 58e6 + random.uniform(0, 1e6),
            "process_open_fds": 11 + sum(account.chargers for account in self.accounts.values()),
            "process_max_fds": 1024,
            "process_start_time_seconds": self.started_unix,
            "up": 1,
        }
        page = self.exposition.render(list(self.accounts.values()), process, now, openmetrics=False)
        return page + "".join(f"{name} {value}\n" for name, value in others.items()).encode()


class Watched:
    """A simulated charger and the exporter's view of it, for one exporter at a time."""

    def __init__(self, place: int, exporter: Exporter, now: Moment) -> None:
        self._simulated = simulated.fleet_charger(place, seed=SEED, plan=PLAN, epoch=now.unix, log_interval=LOG_SECONDS)
        self._faults = faults.FaultInjector(FAULTS_PER_LOG, Random(place))
        self._name = None if place == UNNAMED else sites.DISTRICTS[place][0].split(",")[0]
        self._account = list(ACCOUNTS)[place >= CHARGERS // 2]
        self._logs = 0
        self._down_since: float | None = None
        self.move(exporter, now)

    @property
    def total_kwh(self) -> float:
        """What the charger has delivered so far, by its own account."""
        return self._simulated.total_hundredths / 100

    def move(self, exporter: Exporter, now: Moment) -> None:
        """From now on `exporter` watches this charger."""
        self.exporter = exporter
        account = exporter.accounts[self._account]
        charger_id = self._simulated.site.charger_id
        self.live = live.Charger(
            charger_id, self._name, account, RULES, first_seen_unix=now.unix, changes=exporter.changes
        )
        self._connect(now)

    def advance(self, now: Moment) -> None:
        """Let happen what is due."""
        for event in self._simulated.advance(now.monotonic):
            self._hear(event, now)
            if event.name == "newLog":
                self._logs += 1
                for fault in self._faults.after(self._simulated, now.monotonic, self._logs):
                    self._hear(fault, now)
        save(self.live)

    def lose_stream(self, now: Moment) -> None:
        """The transport breaks, and the first attempts to connect again fail."""
        self.live.apply(events.Disconnected(Disconnection.TRANSPORT), now)
        for reason in (ConnectFailure.UNREACHABLE, ConnectFailure.TIMEOUT):
            self.live.apply(events.ConnectFailed(reason), now)
        self._connect(now)

    def go_offline(self, now: Moment) -> None:
        """Lose the Wi-Fi until the end of the history."""
        for event in self._simulated.lose_wifi(now.monotonic, seconds=OFFLINE_SECONDS + DAY_SECONDS):
            self._hear(event, now)

    def is_alerting(self, now: Moment) -> bool:
        """Whether a rule fires that waits five minutes for the charger to come back."""
        if self.live.is_up(now):
            self._down_since = None
        elif self._down_since is None:
            self._down_since = now.monotonic
        return self._down_since is not None and now.monotonic - self._down_since >= ALERT_AFTER_SECONDS

    def alert(self) -> bytes:
        """What Prometheus stores of that rule while it fires."""
        target = f'job="{JOB}",instance="{self.exporter.instance}"'
        labels = f'severity="warning",scope="charger",charger_id="{self.live.charger_id}",account="{self._account}"'
        return f'ALERTS{{alertname="{ALERT}",alertstate="firing",{target},{labels}}} 1\n'.encode()

    def _connect(self, now: Moment) -> None:
        self.live.apply(events.TokenInUse(self.exporter.ends_unix + ACCOUNTS[self._account] * DAY_SECONDS), now)
        self.live.apply(events.Connected(), now)
        self._hear(simulated.Event("chargerConnected", self._simulated.document()), now)

    def _hear(self, event: simulated.Event, now: Moment) -> None:
        self.live.apply(decode(event.name, (event.payload,)), now)
        if event.then_disconnect:
            self.live.apply(events.Disconnected(Disconnection.SERVER), now)
            self._connect(now)


class History:
    """`hours` of both exporters, until `end_unix`."""

    def __init__(self, *, end_unix: float, hours: float, interval: float = 60.0) -> None:
        self.seconds = hours * 3600
        self.start_unix = end_unix - self.seconds
        self.end_unix = end_unix
        self.move_unix = self.start_unix + self.seconds / 2
        self._interval = interval
        self._exporters = [Exporter(instance, self.start_unix, end_unix) for instance in INSTANCES]
        for shard, exporter in enumerate(self._exporters):
            exporter.process.shard, exporter.process.total_shards = shard, len(INSTANCES)
        start = Moment(self.start_unix, 0.0)
        self._fleet = [Watched(place, self._exporters[place % 2], start) for place in range(CHARGERS)]
        self._delivered_before_kwh = sum(charger.total_kwh for charger in self._fleet)

    @property
    def delivered_kwh(self) -> float:
        """What the chargers truly delivered, by their own account, once the history is written."""
        return sum(charger.total_kwh for charger in self._fleet) - self._delivered_before_kwh

    def write_blocks(self, promtool: Path, folder: Path) -> None:
        """Fill the data folder of a Prometheus; once."""
        folder.mkdir(parents=True)
        text = folder.with_suffix(".openmetrics")
        for _, block in groupby(self._scrapes(), key=lambda scrape: scrape[0].unix // BLOCK_SECONDS):
            with text.open("wb") as file:
                file.writelines(samples for _, samples in block)
                file.write(b"# EOF\n")
            create_blocks(promtool, text, folder)
        text.unlink()

    def _scrapes(self) -> Iterator[tuple[Moment, bytes]]:
        """Every scrape of both exporters, the last one at the very end: its time, and its samples with that time."""
        random = Random(SEED)
        self._distribute()
        for elapsed in takewhile(lambda elapsed: elapsed <= self.seconds, count(0.0, LOG_SECONDS)):
            now = Moment(self.start_unix + elapsed, elapsed)
            self._let_things_happen(now)
            for charger in self._fleet:
                charger.advance(now)
            if elapsed % self._interval:
                continue
            for exporter in self._exporters:
                labels = f'job="{JOB}",instance="{exporter.instance}"'
                yield now, _stamped(exporter.scrape(now, random), labels, now)
            alerts = b"".join(charger.alert() for charger in self._fleet if charger.is_alerting(now))
            yield now, _stamped(alerts, "", now)

    def _let_things_happen(self, now: Moment) -> None:
        if now.unix == self.move_unix:
            self._fleet[MOVES].move(self._exporters[0], now)
            self._distribute()
        if now.monotonic == self.seconds - OFFLINE_SECONDS:
            self._fleet[GOES_OFFLINE].go_offline(now)
        if now.monotonic and now.monotonic % STREAM_BREAKS_EVERY_SECONDS == 0:
            self._fleet[LOSES_ITS_STREAM].lose_stream(now)

    def _distribute(self) -> None:
        for exporter in self._exporters:
            exporter.watch([charger.live for charger in self._fleet if charger.exporter is exporter])


def create_blocks(promtool: Path, text: Path, folder: Path) -> None:
    """Add the samples of an OpenMetrics file to the data folder of a Prometheus."""
    longest = f"--max-block-duration={BLOCK_HOURS}h"
    command = (promtool, "tsdb", "create-blocks-from", longest, "openmetrics", text, folder)
    subprocess.run(command, check=True, capture_output=True, timeout=1800)


SAMPLE = re.compile(rb"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
COMMENT = re.compile(rb"^#.*\n", re.MULTILINE)


def _stamped(page: bytes, target_labels: str, now: Moment) -> bytes:
    """The samples of a page with the labels of their target and the time of the scrape."""
    labels = target_labels.encode()

    def stamp(sample: re.Match[bytes]) -> bytes:
        name, own, value = sample.groups()
        joined = b",".join(filter(None, (own, labels)))
        return b"%s{%s} %s %d" % (name, joined, value, now.unix)

    return SAMPLE.sub(stamp, COMMENT.sub(b"", page))
