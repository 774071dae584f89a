"""Many rounds of a fault leak nothing: no open file, no task, no memory. `make chaos` runs two hundred.

These are the quick rows, whose fault repeats by itself. whole.py has every row.
"""

import io
from contextlib import closing
from pathlib import Path

import pytest

from exporter import fleet
from exporter.charger.process_stats import ExporterProcess
from exporter.logs import create_log
from exporter.state.committer import Commits
from exporter.state.store import StateStore
from tests.chaos import answers, test_answers, test_wire
from tests.chaos.faults import Within, connect_failure, disconnection, fault_of, holds
from tests.chaos.level import ROUNDS, Level
from tests.chaos.rounds import Test, hold_level, lasting, repeated, rows
from tests.chaos.scene import Scene
from tests.chaos.test_answers import answered
from tests.chaos.test_messages import back_to_the_service, listen_to, saying
from tests.state.committed_fleet import new_charger
from tests.stream.watch import Impatient

# Of commits: every cache is filled after these.
WARM_UP = 50
# A round of the first takes a second. Instead of 10 MB there is a test with 5 MB here.
SLOW = (
    test_answers.test_429_delays_the_next_attempt_as_requested,
    test_answers.test_ten_megabytes_are_not_decoded,
)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt waits longer than one turn of the loop."""
    monkeypatch.setattr(fleet, "MIN_HANDSHAKES_PER_SECOND", 1e6)
    monkeypatch.setattr(Impatient, "uniform", lambda _self, _a, _b: 0.0)


def lasts(row: Test) -> bool:
    """Whether the fault of this row fails every attempt to connect at once."""
    fault = fault_of(row)
    return "connect_failures" in fault.metric and fault.within is Within.AT_ONCE and row not in SLOW


globals().update({row.__name__: lasting(row) for row in rows() if lasts(row)})
for row in (
    test_wire.test_a_server_crash_is_detected_at_once,
    test_wire.test_invalid_answers_to_polling_end_the_connection,
):
    globals()[row.__name__] = repeated(row)


@holds(connect_failure("Many large answers in a row", "other", "answers 500 to the handshake"))
async def test_large_answers_leak_nothing(scene: Scene) -> None:
    scene.meanwhile = hold_level
    await answered(scene, answers.http(500, b"x" * 5_000_000))


@holds(disconnection("Many lost connections in a row", "transport"))
async def test_lost_connections_leak_nothing(scene: Scene) -> None:
    scene.transports = ("websocket",)
    scene.meanwhile = hold_level
    async with scene.with_fault():
        # Text that is not UTF-8 ends the connection: each ends with its first event.
        scene.proxy.corrupt = lambda piece: piece.replace(b"chargerConnected", b"\xff" * 16)
        scene.proxy.cut()
        await scene.noticed()
        scene.proxy.corrupt = None
        scene.proxy.cut()


@holds(disconnection("Many disconnects in a row", "server", "the service closed the stream"))
async def test_disconnects_leak_nothing(scene: Scene) -> None:
    scene.transports = ("websocket",)
    scene.meanwhile = hold_level
    async with saying(scene, "41") as url, scene.with_fault():
        listen_to(scene, url)
        await scene.noticed()
        back_to_the_service(scene)


async def test_commits_to_a_full_disk_leak_nothing(tmp_path: Path) -> None:
    log = io.StringIO()
    with closing(FullDisk.open(tmp_path)) as store:
        process = ExporterProcess("", "", "")
        commits = Commits(store, process, create_log("info", "logfmt", log))
        # More than fits on the present pages of the file.
        chargers = [new_charger(f"charger {n}") for n in range(500)]
        for charger in chargers:
            commits.add(charger)

        async def fail(times: int) -> Level:
            for _ in range(times):
                await commits.commit()
            return Level.now()

        store.is_full(True)
        first = await fail(WARM_UP)
        last = await fail(ROUNDS)
        assert last.holds_as_much_as(first), (first, last)
        assert process.commit_failures == process.commits == WARM_UP + ROUNDS
        assert "the disk is full: make room on it" in log.getvalue()
        store.is_full(False)
        await commits.commit()
        assert not commits.unsaved
        assert set(store.load()) == {charger.charger_id for charger in chargers}


class FullDisk(StateStore):
    """A state file for which SQLite reports a full disk while `full` is set."""

    def is_full(self, full: bool) -> None:
        self._connection.execute(f"PRAGMA max_page_count = {1 if full else 2**31}")
