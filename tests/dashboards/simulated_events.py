"""Hours of events: what the simulator sent, and what scrapes of the exporter show of them.

The simulator's chargers send; the exporter's own code decodes, counts and renders its page. No socket, no clock.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from exporter.charger import charger as live
from exporter.charger.account import Account
from exporter.charger.changes import Changes
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Disconnected, Disconnection
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.wire import decode
from exporter.metrics.render import Exposition
from exporter.simulator import Plan, faults
from exporter.simulator.charger import Charger, Event, fleet_charger

SEED = 16
CHARGERS = 30
# Short sessions, so that there are many events.
PLAN = Plan(session=(60, 1200), idle=(30, 300))
LOG_SECONDS = 30.0
# The share of the logs that are followed by each fault.
FAULTS_PER_LOG = 0.05
TICK_SECONDS = 5
# Most restarts are within a bar of five minutes, at different places; one is at the border of two bars.
RESTART_EVERY_SECONDS = 97 * 60
DOWN_SECONDS = 45
SCRAPE_OFFSET_SECONDS = 10
COUNTERS = re.compile(
    r"^(vecharge_account_(?:disconnections|decode_errors|readings_rejected)_total){(.*)} (\S+)$", re.MULTILINE
)


class Kind(StrEnum):
    """The events that are counted."""

    DISCONNECT = "disconnect"
    CORRUPT_LOG = "corrupt log"
    REPEATED_LOG = "repeated log"


class Exporter:
    """One process of the exporter. Its counters start at 0."""

    def __init__(self, fleet: list[Charger], now: Moment) -> None:
        self._account = Account("delhi")
        changes = Changes()
        self._chargers = {
            simulated.site.charger_id: live.Charger(
                simulated.site.charger_id, None, self._account, live.Rules(), now.unix, changes=changes
            )
            for simulated in fleet
        }
        self._exposition = Exposition(list(self._chargers.values()), changes)
        for simulated in fleet:
            self._connect(simulated, now)

    def receive(self, simulated: Charger, event: Event, now: Moment) -> None:
        charger = self._chargers[simulated.site.charger_id]
        charger.apply(decode(event.name, (event.payload,)), now)
        if event.then_disconnect:
            charger.apply(Disconnected(Disconnection.SERVER), now)
            self._connect(simulated, now)

    def page(self, now: Moment) -> str:
        process = ExporterProcess("0.1.0", "3.11.7", "4.6.1")
        return self._exposition.render([self._account], process, now, openmetrics=False).decode()

    def _connect(self, simulated: Charger, now: Moment) -> None:
        self._chargers[simulated.site.charger_id].apply(Connected(), now)
        self.receive(simulated, Event("chargerConnected", simulated.document()), now)


@dataclass
class Scrapes:
    """What one Prometheus stored, and the truth: the events that it could see, by the time of its scrape."""

    interval: int
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    sent: list[tuple[float, Counter[Kind | None]]] = field(default_factory=list)
    unscraped: Counter[Kind | None] = field(default_factory=Counter)

    def scrape(self, exporter: Exporter, now: Moment) -> None:
        for name, labels, value in COUNTERS.findall(exporter.page(now)):
            target = f'job="every-{self.interval}s",instance="exporter:10037"'
            self.samples[f"{name}{{{target},{labels}}}"].append((now.unix, float(value)))
        self.sent.append((now.unix, self.unscraped))
        self.unscraped = Counter()


def play(start_unix: float, seconds: int, intervals: tuple[int, ...]) -> list[Scrapes]:
    """Return the scrapes at each interval of an exporter that is restarted now and then.

    While it is down, it receives no event, and what it received after its last scrape is lost.
    """
    random = Random(SEED)
    fleet = [
        fleet_charger(index, seed=SEED, plan=PLAN, epoch=start_unix, log_interval=LOG_SECONDS)
        for index in range(CHARGERS)
    ]
    scrapes = [Scrapes(interval) for interval in intervals]
    exporter: Exporter | None = Exporter(fleet, Moment(start_unix, 0.0))
    for elapsed in range(TICK_SECONDS, seconds, TICK_SECONDS):
        now = Moment(start_unix + elapsed, elapsed)
        if elapsed > DOWN_SECONDS and elapsed % RESTART_EVERY_SECONDS < DOWN_SECONDS:
            exporter = None
            for each in scrapes:
                each.unscraped.clear()
        elif exporter is None:
            exporter = Exporter(fleet, now)
        for charger, event, kind in _sent(fleet, elapsed, random):
            if exporter:
                exporter.receive(charger, event, now)
                for each in scrapes:
                    each.unscraped[kind] += 1
        for each in scrapes:
            if exporter and elapsed % each.interval == SCRAPE_OFFSET_SECONDS:
                each.scrape(exporter, now)
    return scrapes


def _sent(fleet: list[Charger], now: float, random: Random) -> Iterator[tuple[Charger, Event, Kind | None]]:
    """What the simulator sends until now, with faults whose effect is known."""
    for charger in fleet:
        for event in charger.advance(now):
            yield charger, event, Kind.DISCONNECT if event.then_disconnect else None
            if event.name != "newLog":
                continue
            if random.random() < FAULTS_PER_LOG:
                yield from ((charger, fault, Kind.REPEATED_LOG) for fault in faults.resend(charger, 1))
            if random.random() < FAULTS_PER_LOG:
                yield from ((charger, fault, Kind.CORRUPT_LOG) for fault in faults.corrupt(charger, now, "truncated"))
