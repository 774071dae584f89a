"""Commits off the event loop: a total is shown only after it is on the disk."""

import asyncio
import time
from contextlib import closing
from pathlib import Path

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.sessions import KnownBy, Session
from exporter.logs import create_log
from exporter.state.committer import Commits
from exporter.state.store import StateStore
from tests.processes import SECONDS
from tests.state.committed_fleet import CommittedFleet, new_charger
from tests.stream.watch import until

SETTLED = Session(1, 0.0, 600.0, 3_600_000, None, KnownBy.LOG, KnownBy.LOG, certain=True)


def copied(state: KeptState) -> KeptState:
    content = msgspec.msgpack.encode(state)
    return msgspec.msgpack.decode(content, type=KeptState)


async def test_a_total_is_shown_after_it_is_committed(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.deliver(charger, 36_000)
    assert committed.shown(charger) is None
    await committed.scrape()
    assert committed.shown(charger) == 36_000
    assert committed.disk.kept["a"] == charger.kept_state()
    assert (committed.process.commits, committed.process.commit_failures) == (1, 0)
    assert committed.process.commit_seconds > 0


async def test_all_changed_chargers_are_in_one_commit(committed: CommittedFleet) -> None:
    for number in range(100):
        committed.deliver(new_charger(f"{number}"), number)
    await committed.scrape()
    assert [len(pending.chargers) for pending in committed.disk.begun] == [100]
    assert len(committed.disk.kept) == 100


async def test_a_commit_has_the_state_of_each_charger_when_it_was_added(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.deliver(charger, 1000)
    added = copied(charger.kept_state())
    charger.meter.switched_on(10**9)
    await committed.scrape()
    assert committed.disk.kept["a"] == added != charger.kept_state()


async def test_a_session_settled_before_a_commit_is_counted_once_if_its_charger_changes_during_the_commit(
    patient: CommittedFleet,
) -> None:
    charger = new_charger()
    charger.meter.list.newly_settled.append(SETTLED)
    patient.deliver(charger, 1_000_000)
    await patient.scrape_while_it_changes(charger, 1_100_000)
    await patient.scrape()
    assert [len(pending.sessions) for pending in patient.disk.begun] == [1, 0]
    assert charger.account.session_energy_joules.cumulative()[-1] == 1


async def test_without_changes_nothing_is_written(committed: CommittedFleet) -> None:
    committed.deliver(new_charger(), 1)
    await committed.scrape()
    await committed.scrape()
    assert len(committed.disk.begun) == 1
    assert committed.process.commits == 1


async def test_concurrent_scrapes_share_a_commit(committed: CommittedFleet) -> None:
    committed.deliver(new_charger(), 1)
    await asyncio.gather(*(committed.scrape() for _ in range(20)))
    assert len(committed.disk.begun) == 1


async def test_a_commit_has_begun_when_its_statements_are_executed(patient: CommittedFleet) -> None:
    charger = new_charger()
    patient.deliver(charger, 1000)
    patient.disk.executes.clear()
    patient.disk.works.clear()
    beginning = asyncio.create_task(patient.commits.begin())
    await until(lambda: patient.disk.begun, "the commit")
    assert not beginning.done()
    patient.disk.executes.set()
    commit = await beginning
    assert patient.shown(charger) is None
    patient.disk.works.set()
    await commit.ended_or_late.wait()
    assert patient.shown(charger) == 1000


async def test_a_change_during_a_commit_is_committed_before_its_scrape_is_answered(patient: CommittedFleet) -> None:
    charger = new_charger()
    patient.deliver(charger, 1000)
    patient.disk.works.clear()
    first = asyncio.create_task(patient.scrape())
    await until(lambda: patient.disk.begun, "the first commit")
    patient.deliver(charger, 2000)
    later = [asyncio.create_task(patient.scrape()) for _ in range(5)]
    await asyncio.sleep(0)
    patient.disk.works.set()
    await asyncio.gather(first, *later)
    assert patient.shown(charger) == 2000
    assert len(patient.disk.begun) == 2


async def test_a_change_during_a_commit_is_not_shown_before_its_own_commit(patient: CommittedFleet) -> None:
    charger = new_charger()
    patient.deliver(charger, 1000)
    await patient.scrape_while_it_changes(charger, 2000)
    assert patient.shown(charger) == 1000
    assert set(patient.commits.unsaved) == {charger}


async def test_without_scrapes_commits_are_periodic(committed: CommittedFleet) -> None:
    committed.commits = Commits(committed.disk, committed.process, create_log("error", "logfmt"), interval_seconds=0.01)
    running = asyncio.create_task(committed.commits.run())
    charger = new_charger()
    committed.deliver(charger, 1000)
    await until(lambda: committed.shown(charger) == 1000, "the first commit")
    committed.deliver(charger, 2000)
    await until(lambda: committed.shown(charger) == 2000, "the second commit")
    running.cancel()


async def test_the_stop_makes_a_final_commit_and_closes_the_file(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.deliver(charger, 1000)
    await committed.commits.close(SECONDS)
    assert committed.disk.total_joules("a") == 1000
    assert committed.disk.closed
    assert committed.text.getvalue() == ""


async def test_a_commit_of_ten_thousand_chargers_does_not_block_the_event_loop(
    committed: CommittedFleet, tmp_path: Path
) -> None:
    chargers = [new_charger(f"veChargePoint{number:07}") for number in range(10_000)]
    pauses: list[float] = []
    with closing(StateStore.open(tmp_path / "data")) as store:
        committed.commits = Commits(store, committed.process, create_log("error", "logfmt"))
        for turn in range(1, 4):
            for charger in chargers:
                committed.deliver(charger, 1000 * turn)
            commit = asyncio.create_task(committed.commits.commit())
            pause, before = 0.0, time.thread_time()
            while not commit.done():
                await asyncio.sleep(0)
                pause, before = max(pause, time.thread_time() - before), time.thread_time()
            pauses.append(pause)
            assert all(committed.shown(charger) == 1000 * turn for charger in chargers)
    # CPU time of the thread of the loop: other programs use this machine, too.
    assert min(pauses) < 0.100, pauses
