"""Commits off the event loop: a total is shown only after it is on the disk."""

import asyncio
import io
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from exporter.charger import clock
from exporter.charger.account import Account
from exporter.charger.charger import Charger, Rules
from exporter.charger.process_stats import ExporterProcess
from exporter.errors import StateError
from exporter.fleet import Fleet
from exporter.logs import create_log
from exporter.state import committer as commits
from exporter.state.charger_rows import Row, row_of, state_of
from exporter.state.committer import Commits
from exporter.state.store import StateStore
from tests.processes import SECONDS

PATIENCE = 0.05


class Disk:
    """A store that the test controls: calls end while `works` is set, and commits fail with `error`."""

    def __init__(self) -> None:
        self.works = threading.Event()
        self.works.set()
        self.error: Exception | None = None
        self.repaired = ""
        self.damaged_files = 0
        self.begun: list[Mapping[str, Row]] = []
        self.kept: dict[str, Row] = {}
        self.closed = False

    def write(self, rows: Mapping[str, Row]) -> str:
        self.begun.append(rows)
        self.works.wait()
        if self.error:
            raise self.error
        self.kept |= rows
        return self.repaired

    def total_joules(self, charger_id: str) -> int | None:
        """The committed counter."""
        return state_of(self.kept[charger_id].content).meter.total_joules

    def close(self) -> None:
        self.closed = True


class Subject:
    """A fleet, its commits and the disk below them."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.text = io.StringIO()
        log = create_log("debug", "logfmt", self.text)
        self.process = ExporterProcess("", "", "")
        self.fleet = Fleet(self.process, clock.now, log, random.Random())
        self.commits = Commits(disk, self.fleet, log, patience_seconds=PATIENCE)
        self._account = Account("test")
        self._times = count(1)

    def charger(self, charger_id: str = "a") -> Charger:
        return Charger(charger_id, None, self._account, Rules(), first_seen_unix=1.0)

    def deliver(self, charger: Charger, joules: int) -> None:
        """Set the energy of the charger's session."""
        charger.meter.observe(joules, 1000.0 * next(self._times), None, None, 10**9)
        self.fleet.dirty.add(charger)

    async def scrape(self) -> None:
        """The commit of a scrape, with a timeout since a disk may hang."""
        async with asyncio.timeout(SECONDS):
            await self.commits.commit()

    def shown(self, charger: Charger) -> int | None:
        """The charger's energy counter as a scrape shows it, in joules."""
        return charger.committed.total_joules

    def lines(self, text: str) -> int:
        return sum(text in line for line in self.text.getvalue().splitlines())


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    disk = Disk()
    yield Subject(disk)
    disk.works.set()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - anything may be waited for, and most of it sets no event
            await asyncio.sleep(0.001)


async def test_a_total_is_shown_after_it_is_committed(subject: Subject) -> None:
    charger = subject.charger()
    subject.deliver(charger, 36_000)
    assert subject.shown(charger) is None
    await subject.scrape()
    assert subject.shown(charger) == 36_000
    assert subject.disk.kept["a"] == row_of(charger.kept_state())
    assert (subject.process.commits, subject.process.commit_failures) == (1, 0)
    assert subject.process.commit_seconds > 0


async def test_all_changed_chargers_are_in_one_commit(subject: Subject) -> None:
    for number in range(100):
        subject.deliver(subject.charger(f"{number}"), number)
    await subject.scrape()
    assert [len(rows) for rows in subject.disk.begun] == [100]


async def test_a_change_while_a_large_commit_encodes_its_rows_is_in_the_next_commit(subject: Subject) -> None:
    chargers = [subject.charger(f"{number}") for number in range(2 * commits.SLICE)]
    for charger in chargers:
        subject.deliver(charger, 1)
    first_in_file = min(chargers, key=id)
    scrape = asyncio.create_task(subject.scrape())
    # The loop's first turn starts the scrape, its second the commit, which takes one slice per turn.
    for _ in range(2):
        await asyncio.sleep(0)
    assert first_in_file not in subject.fleet.dirty
    assert max(chargers, key=id) in subject.fleet.dirty
    subject.deliver(first_in_file, 2)
    await scrape
    assert subject.shown(first_in_file) == 1
    await subject.scrape()
    assert [len(rows) for rows in subject.disk.begun] == [len(chargers), 1]
    assert subject.shown(first_in_file) == 2


async def test_without_changes_nothing_is_written(subject: Subject) -> None:
    subject.deliver(subject.charger(), 1)
    await subject.scrape()
    await subject.scrape()
    assert len(subject.disk.begun) == 1
    assert subject.process.commits == 1


async def test_concurrent_scrapes_share_a_commit(subject: Subject) -> None:
    subject.deliver(subject.charger(), 1)
    await asyncio.gather(*(subject.scrape() for _ in range(20)))
    assert len(subject.disk.begun) == 1


async def test_a_change_during_a_commit_is_committed_before_its_scrape_is_answered(
    subject: Subject,
) -> None:
    subject.commits = Commits(subject.disk, subject.fleet, create_log("error", "logfmt"), patience_seconds=SECONDS)
    charger = subject.charger()
    subject.deliver(charger, 1000)
    subject.disk.works.clear()
    first = asyncio.create_task(subject.scrape())
    await until(lambda: subject.disk.begun)
    subject.deliver(charger, 2000)
    later = [asyncio.create_task(subject.scrape()) for _ in range(5)]
    await asyncio.sleep(0)
    subject.disk.works.set()
    await asyncio.gather(first, *later)
    assert subject.shown(charger) == 2000
    assert len(subject.disk.begun) == 2


async def test_a_change_during_a_commit_is_not_shown_before_its_own_commit(subject: Subject) -> None:
    charger = subject.charger()
    subject.deliver(charger, 1000)
    subject.disk.works.clear()
    scrape = asyncio.create_task(subject.scrape())
    await until(lambda: subject.disk.begun)
    subject.deliver(charger, 2000)
    subject.disk.works.set()
    await scrape
    assert subject.shown(charger) == 1000
    assert subject.fleet.dirty == {charger}


async def test_after_a_failed_commit_the_previous_totals_are_shown_and_it_is_retried(subject: Subject) -> None:
    charger = subject.charger()
    subject.deliver(charger, 1000)
    await subject.scrape()
    subject.deliver(charger, 2000)
    subject.disk.error = StateError("the disk is full")
    await subject.scrape()
    assert subject.shown(charger) == 1000
    assert subject.fleet.dirty == {charger}
    assert subject.process.commit_failures == 1
    subject.disk.error = None
    await subject.scrape()
    assert subject.shown(charger) == 2000
    assert subject.fleet.dirty == set()
    assert subject.process.commit_failures == 1


async def test_a_persistent_failure_is_logged_once_per_minute_and_its_end_once(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    charger = subject.charger()
    subject.disk.error = StateError("the disk is full")
    for joules in range(5):
        subject.deliver(charger, joules)
        await subject.scrape()
    assert subject.process.commit_failures == 5
    assert subject.lines("state commit failed; serving the last committed totals") == 1
    assert subject.lines('error="the disk is full"') == 1
    monkeypatch.setattr(commits, "LOG_AGAIN_SECONDS", 0.0)
    await subject.scrape()
    assert subject.lines("state commit failed; serving the last committed totals") == 2
    subject.disk.error = None
    await subject.scrape()
    subject.deliver(charger, 10)
    await subject.scrape()
    assert subject.lines("state commits work again") == 1


def test_the_intervals_have_their_documented_lengths() -> None:
    assert commits.LOG_AGAIN_SECONDS == 60
    assert commits.PATIENCE_SECONDS == 5
    assert commits.INTERVAL_SECONDS + commits.PATIENCE_SECONDS <= 15


async def test_a_scrape_does_not_wait_for_a_slow_commit(subject: Subject) -> None:
    charger = subject.charger()
    subject.disk.works.clear()
    subject.deliver(charger, 1000)
    await subject.scrape()
    assert subject.shown(charger) is None
    assert subject.fleet.dirty == {charger}
    assert subject.process.commit_failures == 1
    assert subject.lines("takes longer than 0.05 s") == 1


async def test_scrapes_do_not_wait_for_a_commit_after_its_timeout(subject: Subject) -> None:
    subject.disk.works.clear()
    subject.deliver(subject.charger(), 1000)
    await subject.scrape()
    started = asyncio.get_running_loop().time()
    await subject.scrape()
    assert asyncio.get_running_loop().time() - started < PATIENCE
    assert len(subject.disk.begun) == 1
    assert subject.process.commit_failures == 1


async def test_a_late_commit_applies_when_it_ends(subject: Subject) -> None:
    charger = subject.charger()
    subject.disk.works.clear()
    subject.deliver(charger, 1000)
    await subject.scrape()
    subject.deliver(charger, 2000)
    subject.disk.works.set()
    await until(lambda: subject.shown(charger))
    assert subject.shown(charger) == 1000
    assert subject.fleet.dirty == {charger}
    assert subject.lines("state commits work again") == 1
    await subject.scrape()
    assert subject.shown(charger) == 2000


async def test_a_late_commit_that_fails_is_one_failure_and_shows_nothing(subject: Subject) -> None:
    charger = subject.charger()
    subject.disk.works.clear()
    subject.disk.error = StateError("the disk fails")
    subject.deliver(charger, 1000)
    await subject.scrape()
    subject.disk.works.set()
    await until(lambda: subject.process.commit_seconds)
    assert subject.process.commit_failures == 1
    assert subject.shown(charger) is None
    assert subject.fleet.dirty == {charger}


async def test_an_unexpected_error_in_a_commit_is_a_failed_commit(subject: Subject) -> None:
    charger = subject.charger()
    subject.disk.error = RuntimeError("token eyJ")
    subject.deliver(charger, 1000)
    await subject.scrape()
    assert subject.lines("error=RuntimeError") == 1
    assert subject.fleet.dirty == {charger}


async def test_a_charger_whose_state_cannot_be_encoded_does_not_block_scrapes(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Charger) -> Row:
        raise RuntimeError

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the program's handler logs it
    subject.deliver(subject.charger(), 1000)
    with monkeypatch.context() as patched:
        patched.setattr(Charger, "kept_state", fail)
        await subject.scrape()
        await subject.scrape()
    await subject.scrape()
    assert subject.disk.total_joules("a") == 1000


async def test_repairs_are_logged_and_damaged_files_counted(subject: Subject) -> None:
    subject.disk.repaired, subject.disk.damaged_files = "the state file was repaired", 2
    subject.deliver(subject.charger(), 1000)
    await subject.scrape()
    assert subject.lines("the state file was repaired") == 1
    assert subject.process.damaged_state_files == 2


async def test_without_scrapes_commits_are_periodic(subject: Subject) -> None:
    regular = Commits(subject.disk, subject.fleet, create_log("error", "logfmt"), interval_seconds=0.01)
    running = asyncio.create_task(regular.run())
    charger = subject.charger()
    for joules in (1000, 2000):
        subject.deliver(charger, joules)
        await until(lambda: subject.shown(charger) == joules)  # noqa: B023 - it is over with its turn
    running.cancel()


async def test_the_stop_makes_a_final_commit_and_closes_the_file(subject: Subject) -> None:
    charger = subject.charger()
    subject.deliver(charger, 1000)
    await subject.commits.close(SECONDS)
    assert subject.disk.total_joules("a") == 1000
    assert subject.disk.closed
    assert subject.text.getvalue() == ""


async def test_a_disk_that_hangs_does_not_delay_the_stop_and_is_logged(subject: Subject) -> None:
    subject.disk.works.clear()
    subject.deliver(subject.charger(), 1000)
    async with asyncio.timeout(1.0):
        await subject.commits.close(0.02)
    assert subject.lines("final commit failed; totals since the previous commit are lost") == 1


async def test_a_final_commit_that_fails_is_logged(subject: Subject) -> None:
    subject.disk.error = StateError("the disk is full")
    subject.deliver(subject.charger(), 1000)
    await subject.commits.close(SECONDS)
    assert subject.lines("final commit failed; totals since the previous commit are lost") == 1
    assert subject.disk.closed


async def test_a_commit_of_ten_thousand_chargers_does_not_block_the_event_loop(
    subject: Subject, tmp_path: Path
) -> None:
    chargers = [subject.charger(f"veChargePoint{number:07}") for number in range(10_000)]
    pauses: list[float] = []
    with closing(StateStore.open(tmp_path / "data")) as store:
        real = Commits(store, subject.fleet, create_log("error", "logfmt"))
        for turn in range(1, 4):
            for charger in chargers:
                subject.deliver(charger, 1000 * turn)
            commit = asyncio.create_task(real.commit())
            pause, before = 0.0, time.thread_time()
            while not commit.done():
                await asyncio.sleep(0)
                pause, before = max(pause, time.thread_time() - before), time.thread_time()
            pauses.append(pause)
            assert all(subject.shown(charger) == 1000 * turn for charger in chargers)
    # CPU time of the thread of the loop: other programs use this machine, too.
    assert min(pauses) < 0.100, pauses
