"""The state file keeps every commit after any end, and never returns damaged data."""

import multiprocessing
import random
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from exporter.charger.charger import KeptState
from exporter.charger.log_order import LogOrderState
from exporter.charger.meter_state import MeterState
from exporter.charger.power_estimate import PowerState
from exporter.charger.sessions import CountedAs, KnownBy, PendingDocument, RunningSession
from exporter.errors import StateError
from exporter.state import charger_states, session_pages
from exporter.state.period import ALL_TIME
from exporter.state.state_file import STATE_FILE, open_to_read, read
from exporter.state.store import StateStore
from tests.state.listed import session

FULL = KeptState(
    MeterState(
        total_joules=12_345_678_901_234,
        excess_joules=72_000,
        settled_joules=12_345_678_000_000,
        sessions=7,
        listed_sessions=6,
        last_session_number=8,
        current=RunningSession(36_000, 1_700_000_000.1, 1_700_000_000.123, 1_700_000_000.1, KnownBy.STATUS, number=8),
        previous=RunningSession(
            72_000,
            1.6e9,
            1_699_999_999.9,
            1.6e9,
            ended_at=1_699_999_999.9,
            ended_by=KnownBy.USER,
            certain=False,
        ),
        evidence=3,
        switched_on_unix=1_700_000_000.0,
        document=PendingDocument(72_000, 1_700_000_000.5, CountedAs.RAISE),
        logs=LogOrderState(1_700_000_300.123, 1_700_000_000.123, 1_700_000_000.2, times_ahead=(1_700_000_300.123,)),
        power=PowerState(peak=7400.5, ratio=3.0),
    ),
    first_seen_unix=1_650_000_000.000001,
)


def kept(total_joules: int) -> KeptState:
    return KeptState(MeterState(total_joules=total_joules), first_seen_unix=1.0)


def fleet_of(chargers: int) -> dict[str, KeptState]:
    return {f"charger-{number:05}": kept(10**9 + number) for number in range(chargers)}


def fail() -> None:
    raise OSError("the disk is full")


def sessions_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        return int(database.execute("SELECT count(*) FROM sessions").fetchone()[0])


def test_what_a_failed_commit_could_not_write_is_written_by_the_next(tmp_path: Path) -> None:
    with closing(StateStore.open(tmp_path)) as store:
        store.commit({"a": kept(1000)})
        with pytest.raises(StateError):
            store.commit({"b": kept(2000)}, fail)
        store.commit({"a": kept(1001), "c": kept(3000)})
    assert read(tmp_path) == {"a": kept(1001), "b": kept(2000), "c": kept(3000)}


def test_a_commit_that_is_on_disk_although_it_was_reported_as_failed_is_repeated(opened: StateStore) -> None:
    opened.states.put("new", kept(1000))
    pending = opened.states.take()
    opened.write(pending)
    opened.states.put_back(pending)
    opened.commit({"a": kept(2000)})
    assert opened.load() == {"new": kept(1000), "a": kept(2000)}


def test_no_commit_comes_between_the_chargers_and_the_states_that_are_read(
    folder: Path, opened: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.commit({"a": kept(1)})
    blocks = charger_states.blocks_of
    refused = []

    def after_a_commit(
        connection: sqlite3.Connection, only: int | None = None
    ) -> Iterator[tuple[int, charger_states.Block]]:
        with closing(sqlite3.connect(opened.file, timeout=0)) as writer:
            writer.execute("INSERT INTO chargers (charger_id) VALUES ('new')")
            with pytest.raises(sqlite3.OperationalError, match="database is locked") as error:
                writer.commit()
        refused.append(error)
        return blocks(connection, only)

    monkeypatch.setattr(charger_states, "blocks_of", after_a_commit)
    assert read(folder) == {"a": kept(1)}
    with open_to_read(folder / STATE_FILE) as connection:
        session_pages.totals_of_all(connection, ALL_TIME)
        session_pages.newest(connection, ALL_TIME, 10)
    assert len(refused) >= 3  # of each reader


def test_forgetting_a_charger_writes_what_a_failed_commit_could_not_write_of_others(opened: StateStore) -> None:
    with pytest.raises(StateError):
        opened.commit({"a": msgspec.structs.replace(kept(2), sessions=(session(1),)), "b": kept(1)}, fail)
    opened.forget("b")
    assert opened.load() == {"a": kept(2)}
    assert sessions_in(opened.file) == 1


def test_the_file_has_what_was_committed_and_not_forgotten(tmp_path: Path) -> None:
    rng, model, failed = random.Random(4), dict[str, KeptState](), dict[str, KeptState]()
    names = list(fleet_of(100))
    with closing(StateStore.open(tmp_path)) as store:
        for joules in range(200):
            some = {name: kept(joules) for name in rng.sample(names, rng.choice([1, 5, 60]))}
            match rng.choice(["commit", "commit", "fail", "forget"]):
                case "commit":
                    store.commit(some)
                    model |= failed | some
                    failed.clear()
                case "fail":
                    with pytest.raises(StateError):
                        store.commit(some, fail)
                    failed |= some
                case "forget":
                    for name in some.keys() & (model | failed).keys():
                        store.forget(name)
                        model |= failed
                        failed.clear()
                        del model[name]
            assert store.load() == model
    assert read(tmp_path) == model


def test_only_the_end_of_the_transaction_is_left_when_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    seen = []

    def note() -> None:
        seen.append(read(tmp_path).get("a"))

    with closing(StateStore.open(tmp_path)) as store:
        store.commit({"a": kept(1000)}, note)
    assert seen == [None]
    assert read(tmp_path)["a"] == kept(1000)


def test_a_new_file_is_empty(opened: StateStore) -> None:
    assert opened.load() == {}
    assert opened.set_aside is None
    assert opened.damaged_files == 0


def test_every_field_is_stored_and_loaded(folder: Path) -> None:
    with closing(StateStore.open(folder)) as first:
        first.commit({"full": FULL, "new": KeptState(MeterState(), 2.5)})
    with closing(StateStore.open(folder)) as second:
        assert second.load() == {"full": FULL, "new": KeptState(MeterState(), 2.5)}


def test_a_commit_replaces_only_its_chargers(opened: StateStore) -> None:
    opened.commit({"a": kept(1), "b": kept(2)})
    opened.commit({"b": kept(3), "c": kept(4)})
    assert opened.load() == {"a": kept(1), "b": kept(3), "c": kept(4)}


@pytest.mark.parametrize("charger_id", ["ünïcode", 'quote" and \\', "a'); DROP TABLE chargers; --", "x" * 10_000])
def test_any_charger_id_can_be_stored(opened: StateStore, charger_id: str) -> None:
    opened.commit({charger_id: FULL})
    assert opened.load() == {charger_id: FULL}


def test_only_the_owner_can_access_file_and_folder(folder: Path) -> None:
    with closing(StateStore.open(folder)) as opened:
        opened.commit({"a": FULL})
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes == dict.fromkeys(("state.db", "state.db-journal", "state.lock"), 0o600)


def test_a_commit_waits_for_the_disk(opened: StateStore) -> None:
    connection = opened._connection  # noqa: SLF001 - the setting lives in the connection and nowhere else
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == b"persist"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 3  # EXTRA


def test_ten_thousand_chargers_are_one_commit(opened: StateStore) -> None:
    # How long it takes is a row of docs/benchmarks.md.
    states = dict.fromkeys((f"veChargePoint{number:07}" for number in range(10_000)), FULL)
    opened.commit(states)
    assert opened.load() == states


def test_a_commit_is_atomic(opened: StateStore) -> None:
    opened.commit({"a": kept(1), "b": kept(1)})
    settled = msgspec.structs.replace(kept(2), sessions=(session(1),))
    with pytest.raises(StateError):
        opened.commit({"a": kept(2), "b": settled}, fail)
    assert opened.load() == {"a": kept(1), "b": kept(1)}
    assert sessions_in(opened.file) == 0
    opened.commit({"a": kept(3)})
    assert opened.load() == {"a": kept(3), "b": kept(2)}
    assert sessions_in(opened.file) == 1


# One writer


def test_a_second_exporter_is_refused_with_the_name_of_the_file(folder: Path, opened: StateStore) -> None:
    with pytest.raises(StateError, match=rf"{folder}/state.db is in use by another exporter: stop it"):
        StateStore.open(folder)
    opened.commit({"a": FULL})


def test_closing_the_store_releases_the_lock(folder: Path) -> None:
    StateStore.open(folder).close()
    StateStore.open(folder).close()


def _commit_and_hang(folder: Path, ready: "multiprocessing.synchronize.Event") -> None:
    StateStore.open(folder).commit({"a": FULL})
    ready.set()
    time.sleep(600)


def test_a_killed_process_releases_the_lock_and_keeps_its_commit(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=_commit_and_hang, args=(folder, ready))
    process.start()
    try:
        assert ready.wait(30)
        with pytest.raises(StateError, match="in use"):
            StateStore.open(folder)
    finally:
        process.kill()
        process.join()
    with closing(StateStore.open(folder)) as opened:
        assert opened.load() == {"a": FULL}


# What the system refuses


def test_a_path_that_is_not_a_folder_is_rejected_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=rf"{tmp_path}/file/state.db cannot be opened: \w+: "):
        StateStore.open(tmp_path / "file")


def test_commits_fail_only_while_another_program_locks_the_file(folder: Path, opened: StateStore) -> None:
    opened._connection.execute("PRAGMA busy_timeout = 10")  # noqa: SLF001 - the real one makes a test slow
    with closing(sqlite3.connect(folder / STATE_FILE, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match=r"state.db cannot be written \(SQLITE_BUSY\): another program"):
            opened.commit({"a": FULL})
    opened.commit({"a": FULL})
    assert opened.load() == {"a": FULL}


def test_a_commit_to_a_file_that_was_replaced_fails(folder: Path, opened: StateStore) -> None:
    (folder / STATE_FILE).unlink()
    (folder / STATE_FILE).write_bytes(b"")
    with pytest.raises(StateError, match="was replaced while in use: restart"):
        opened.commit({"a": FULL})


@pytest.mark.parametrize("removed", ["file", "folder"])
def test_a_file_that_was_removed_is_written_again_with_all_totals(
    folder: Path, opened: StateStore, removed: str
) -> None:
    states = fleet_of(100)
    opened.commit(states)
    if removed == "file":
        (folder / STATE_FILE).unlink()
    else:
        shutil.rmtree(folder)
    assert "was removed while in use" in opened.commit({"a": FULL})
    assert read(folder) == states | {"a": FULL}
    assert stat.S_IMODE((folder / STATE_FILE).stat().st_mode) == 0o600
    with pytest.raises(StateError, match="in use"):
        StateStore.open(folder)
    assert opened.commit({"b": FULL}) == ""
    assert read(folder) == states | {"a": FULL, "b": FULL}


# Reading without opening


def test_a_reader_needs_no_lock_and_sees_every_commit(folder: Path, opened: StateStore) -> None:
    opened.commit({"a": kept(1)})
    assert read(folder) == {"a": kept(1)}
    opened.commit({"a": kept(2)})
    assert read(folder) == {"a": kept(2)}


def test_a_reader_creates_no_file(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=rf"state file not found: {tmp_path}/state.db"):
        read(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_exporter_can_start_after_a_reader(folder: Path) -> None:
    with closing(StateStore.open(folder)) as opened:
        opened.commit({"a": FULL})
    assert read(folder) == {"a": FULL}
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is None
        assert opened.load() == {"a": FULL}


def test_a_reader_reports_damage_and_changes_nothing(folder: Path) -> None:
    StateStore.open(folder).close()
    (folder / STATE_FILE).write_bytes(b"damage")
    with pytest.raises(StateError, match=r"state\.db is damaged"):
        read(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["state.db", "state.lock"]
