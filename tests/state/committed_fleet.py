"""The commits of chargers, and a disk that the test controls."""

import asyncio
import io
import threading
from collections.abc import Callable
from itertools import count

from exporter.charger.account import Account
from exporter.charger.charger import Charger, KeptState, Rules
from exporter.charger.events import Reading
from exporter.charger.process_stats import ExporterProcess
from exporter.logs import create_log
from exporter.state.charger_states import ChargerStates, Pending, decode_block, decode_state
from exporter.state.committer import Commits
from exporter.state.store import StateStore
from tests.processes import SECONDS
from tests.stream.watch import until

TIMEOUT = 0.05


class Disk(StateStore):
    """A store that the test controls.

    Statements are executed while `executes` is set, calls end while `works` is set, and commits fail with `error`.
    """

    def __init__(self) -> None:
        self.states = ChargerStates()
        self.executes = threading.Event()
        self.executes.set()
        self.works = threading.Event()
        self.works.set()
        self.error: Exception | None = None
        self.repaired = ""
        self.damaged_files = 0
        self.begun: list[Pending] = []
        self.kept: dict[str, KeptState] = {}
        self.closed = False

    def write(self, pending: Pending, on_executed: Callable[[], None] = lambda: None) -> str:
        self.begun.append(pending)
        self.executes.wait()
        on_executed()
        self.works.wait()
        if self.error:
            raise self.error
        for _, content, _ in pending.blocks:
            self.kept |= {charger_id: decode_state(state) for charger_id, state in decode_block(content).items()}
        return self.repaired

    def total_joules(self, charger_id: str) -> int | None:
        """The committed counter."""
        return self.kept[charger_id].meter.total_joules

    def close(self) -> None:
        self.closed = True


def new_charger(charger_id: str = "a") -> Charger:
    return Charger(charger_id, None, Account("test"), Rules(), first_seen_unix=1.0)


class CommittedFleet:
    """The commits of chargers, and the disk below them."""

    def __init__(self, disk: Disk, timeout_seconds: float = TIMEOUT) -> None:
        self.disk = disk
        self.text = io.StringIO()
        log = create_log("debug", "logfmt", self.text)
        self.process = ExporterProcess("", "", "")
        self.commits = Commits(disk, self.process, log, timeout_seconds=timeout_seconds)
        self._times = count(1)

    def deliver(self, charger: Charger, joules: int) -> None:
        """Set the energy of the charger's session."""
        reading = Reading(session_energy_joules=joules, created_unix=1000.0 * next(self._times))
        charger.meter.observe(reading, 10**9)
        self.commits.add(charger)

    async def scrape(self) -> None:
        """The commit of a scrape, with a timeout since a disk may hang."""
        async with asyncio.timeout(SECONDS):
            await self.commits.commit()

    async def scrape_while_it_changes(self, charger: Charger, joules: int) -> None:
        """Scrape; the energy of the charger changes while the disk writes the commit."""
        self.disk.works.clear()
        scrape = asyncio.create_task(self.scrape())
        await until(lambda: self.disk.begun, "the commit")
        self.deliver(charger, joules)
        self.disk.works.set()
        await scrape

    def shown(self, charger: Charger) -> int | None:
        """The charger's energy counter as a scrape shows it, in joules."""
        return charger.committed.total_joules

    def lines(self, text: str) -> int:
        return sum(text in line for line in self.text.getvalue().splitlines())
