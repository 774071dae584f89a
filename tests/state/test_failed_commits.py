"""Commits that fail or hang: scrapes show the totals of the last commit, and the log says why."""

import asyncio

import pytest

from exporter.errors import StateError
from exporter.state import committer as commits
from tests.processes import SECONDS
from tests.state.committed_fleet import TIMEOUT, CommittedFleet, new_charger
from tests.stream.watch import until


async def test_a_scrape_does_not_wait_for_a_slow_commit(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.disk.works.clear()
    committed.deliver(charger, 1000)
    await committed.scrape()
    assert committed.shown(charger) is None
    assert set(committed.commits.unsaved) == {charger}
    assert committed.process.commit_failures == 1
    assert committed.lines("not on disk 0.05 s after it was requested") == 1


async def test_a_scrape_does_not_wait_for_slow_statements(committed: CommittedFleet) -> None:
    committed.disk.executes.clear()
    committed.deliver(new_charger(), 1000)
    await committed.scrape()
    assert committed.process.commit_failures == 1


async def test_a_scrape_waits_only_for_its_own_commit(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.deliver(charger, 1000)
    commit = await committed.commits.begin()
    await until(lambda: committed.shown(charger), "the end of the commit")
    committed.disk.works.clear()
    committed.deliver(charger, 2000)
    await committed.commits.begin()
    assert commit.ended_or_late.is_set()


async def test_scrapes_do_not_wait_for_a_commit_after_its_timeout(committed: CommittedFleet) -> None:
    committed.disk.works.clear()
    committed.deliver(new_charger(), 1000)
    await committed.scrape()
    started = asyncio.get_running_loop().time()
    await committed.scrape()
    assert asyncio.get_running_loop().time() - started < TIMEOUT
    assert len(committed.disk.begun) == 1
    assert committed.process.commit_failures == 1


async def test_a_disk_that_hangs_is_a_failure_again_and_again(
    committed: CommittedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "LOG_AGAIN_SECONDS", 0.01)
    charger = new_charger()
    committed.disk.works.clear()
    committed.deliver(charger, 1000)
    await committed.scrape()
    await until(lambda: committed.process.commit_failures >= 4, "more failures")
    assert committed.lines('committed totals" error="still not on disk"') >= 1
    assert len(committed.disk.begun) == 1
    committed.disk.works.set()
    await until(lambda: committed.shown(charger) == 1000, "the late commit")
    assert committed.lines("state commits work again") == 1


async def test_a_late_commit_applies_when_it_ends(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.disk.works.clear()
    committed.deliver(charger, 1000)
    await committed.scrape()
    committed.deliver(charger, 2000)
    committed.disk.works.set()
    await until(lambda: committed.shown(charger), "the late commit")
    assert committed.shown(charger) == 1000
    assert set(committed.commits.unsaved) == {charger}
    assert committed.lines("state commits work again") == 1
    await committed.scrape()
    assert committed.shown(charger) == 2000


async def test_a_late_commit_that_fails_is_one_failure_and_shows_nothing(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.disk.works.clear()
    committed.disk.error = StateError("the disk fails")
    committed.deliver(charger, 1000)
    await committed.scrape()
    committed.disk.works.set()
    await until(lambda: committed.process.commit_seconds, "the end of the commit")
    assert committed.process.commit_failures == 1
    assert committed.shown(charger) is None
    assert set(committed.commits.unsaved) == {charger}


async def test_a_disk_that_hangs_does_not_delay_the_stop_and_is_logged(committed: CommittedFleet) -> None:
    committed.disk.works.clear()
    committed.deliver(new_charger(), 1000)
    async with asyncio.timeout(1.0):
        await committed.commits.close(0.02)
    assert committed.lines("final commit failed; totals since the previous commit are lost") == 1


async def test_after_a_failed_commit_the_previous_totals_are_shown_and_it_is_retried(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.deliver(charger, 1000)
    await committed.scrape()
    committed.deliver(charger, 2000)
    committed.disk.error = StateError("the disk is full")
    await committed.scrape()
    assert committed.shown(charger) == 1000
    assert set(committed.commits.unsaved) == {charger}
    assert committed.process.commit_failures == 1
    committed.disk.error = None
    await committed.scrape()
    assert committed.shown(charger) == 2000
    assert not committed.commits.unsaved
    assert committed.process.commit_failures == 1


async def test_a_persistent_failure_is_logged_once_per_minute_and_its_end_once(
    committed: CommittedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    charger = new_charger()
    committed.disk.error = StateError("the disk is full")
    for joules in range(5):
        committed.deliver(charger, joules)
        await committed.scrape()
    assert committed.process.commit_failures == 5
    assert committed.lines("state commit failed; serving the last committed totals") == 1
    assert committed.lines('error="the disk is full"') == 1
    monkeypatch.setattr(commits, "LOG_AGAIN_SECONDS", 0.0)
    await committed.scrape()
    assert committed.lines("state commit failed; serving the last committed totals") == 2
    committed.disk.error = None
    await committed.scrape()
    committed.deliver(charger, 10)
    await committed.scrape()
    assert committed.lines("state commits work again") == 1


async def test_an_unexpected_error_in_a_commit_is_a_failed_commit(committed: CommittedFleet) -> None:
    charger = new_charger()
    committed.disk.error = RuntimeError("token eyJ")
    committed.deliver(charger, 1000)
    await committed.scrape()
    assert committed.lines("error=RuntimeError") == 1
    assert set(committed.commits.unsaved) == {charger}


async def test_repairs_are_logged_and_damaged_files_counted(committed: CommittedFleet) -> None:
    committed.disk.repaired, committed.disk.damaged_files = "the state file was repaired", 2
    committed.deliver(new_charger(), 1000)
    await committed.scrape()
    assert committed.lines("the state file was repaired") == 1
    assert committed.process.damaged_state_files == 2


async def test_a_final_commit_that_fails_is_logged(committed: CommittedFleet) -> None:
    committed.disk.error = StateError("the disk is full")
    committed.deliver(new_charger(), 1000)
    await committed.commits.close(SECONDS)
    assert committed.lines("final commit failed; totals since the previous commit are lost") == 1
    assert committed.disk.closed


def test_the_intervals_have_their_documented_lengths() -> None:
    assert commits.LOG_AGAIN_SECONDS == 60
    assert commits.TIMEOUT_SECONDS == 5
    assert commits.INTERVAL_SECONDS + commits.TIMEOUT_SECONDS <= 15
