"""The state file: what is committed is there after any end, and what cannot be trusted is never believed."""

import multiprocessing
import random
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exporter.charger.charger import KeptState
from exporter.charger.meter import MeterState
from exporter.errors import StateError
from exporter.state import state_file
from exporter.state.state_file import STATE_FILE, read
from exporter.state.store import StateStore

FULL = KeptState(
    MeterState(
        total_joules=12_345_678_901_234,
        session_joules=36_000,
        sessions=7,
        session_open=True,
        last_log_unix=1_700_000_000.123,
        last_created_unix=1_700_000_300.123,
        energy_created_unix=1_700_000_000.1,
        replaced_joules=72_000,
        replaced_created_unix=1_699_999_999.9,
    ),
    first_seen_unix=1_650_000_000.000001,
)


def kept(total_joules: int) -> KeptState:
    return KeptState(MeterState(total_joules=total_joules), first_seen_unix=1.0)


def fleet_of(chargers: int) -> dict[str, KeptState]:
    return {f"charger-{number:05}": kept(10**9 + number) for number in range(chargers)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opened(folder: Path) -> Iterator[StateStore]:
    with closing(StateStore.open(folder)) as opened:
        yield opened


def test_a_new_file_holds_nothing(opened: StateStore) -> None:
    assert opened.load() == {}
    assert opened.set_aside is None
    assert opened.damaged_files == 0


def test_every_field_comes_back_as_it_was(folder: Path) -> None:
    with closing(StateStore.open(folder)) as first:
        first.commit({"full": FULL, "new": KeptState(MeterState(), 2.5)})
    with closing(StateStore.open(folder)) as second:
        assert second.load() == {"full": FULL, "new": KeptState(MeterState(), 2.5)}


def test_a_commit_replaces_its_chargers_and_leaves_the_others(opened: StateStore) -> None:
    opened.commit({"a": kept(1), "b": kept(2)})
    opened.commit({"b": kept(3), "c": kept(4)})
    assert opened.load() == {"a": kept(1), "b": kept(3), "c": kept(4)}


@pytest.mark.parametrize("charger_id", ["ünïcode", 'quote" and \\', "a'); DROP TABLE chargers; --", "x" * 10_000])
def test_any_charger_id_is_kept(opened: StateStore, charger_id: str) -> None:
    opened.commit({charger_id: FULL})
    assert opened.load() == {charger_id: FULL}


def test_file_and_folder_are_for_their_owner_alone(folder: Path) -> None:
    with closing(StateStore.open(folder)) as opened:
        opened.commit({"a": FULL})
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes == dict.fromkeys(("state.db", "state.db-wal", "state.db-shm", "state.lock"), 0o600)


def test_a_commit_waits_for_the_disk(opened: StateStore) -> None:
    connection = opened._connection  # noqa: SLF001 - the setting lives in the connection and nowhere else
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == b"wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_ten_thousand_chargers_are_one_commit(opened: StateStore) -> None:
    # How long it takes is a row of docs/benchmarks.md.
    states = dict.fromkeys((f"veChargePoint{number:07}" for number in range(10_000)), FULL)
    opened.commit(states)
    assert opened.load() == states


def test_a_commit_is_whole_or_not_at_all(opened: StateStore) -> None:
    opened.commit({"a": kept(1), "b": kept(1)})
    with pytest.raises(TypeError):
        opened.commit({"a": kept(2), "b": object()})  # type: ignore[dict-item]
    assert opened.load() == {"a": kept(1), "b": kept(1)}
    opened.commit({"a": kept(3)})
    assert opened.load() == {"a": kept(3), "b": kept(1)}


# One writer


def test_a_second_exporter_is_refused_with_the_name_of_the_file(folder: Path, opened: StateStore) -> None:
    with pytest.raises(StateError, match=rf"{folder}/state.db is in use by another exporter: stop it"):
        StateStore.open(folder)
    opened.commit({"a": FULL})


def test_the_lock_goes_with_the_store(folder: Path) -> None:
    StateStore.open(folder).close()
    StateStore.open(folder).close()


def _commit_and_hang(folder: Path, ready: "multiprocessing.synchronize.Event") -> None:
    StateStore.open(folder).commit({"a": FULL})
    ready.set()
    time.sleep(600)


def test_the_lock_dies_with_the_process_and_the_commit_does_not(folder: Path) -> None:
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


# Schema versions


def test_an_older_file_is_migrated_and_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(StateStore.open(folder)) as old:
        old.commit({"a": FULL})
    newer = (*state_file.MIGRATIONS, ("CREATE TABLE more (id INTEGER)", "CREATE INDEX more_id ON more (id)"))
    monkeypatch.setattr(state_file, "MIGRATIONS", newer)
    with closing(StateStore.open(folder)) as migrated:
        assert migrated.load() == {"a": FULL}
        assert migrated.set_aside is None
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
        assert database.execute("SELECT count(*) FROM more").fetchone() == (0,)


def test_a_newer_file_is_refused_and_left_alone(folder: Path) -> None:
    with closing(StateStore.open(folder)) as opened:
        opened.commit({"a": FULL})
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        database.execute("PRAGMA user_version = 2")
    before = (folder / STATE_FILE).read_bytes()
    with pytest.raises(StateError, match=r"state.db was written by a newer exporter \(schema 2, this one knows 1\)"):
        StateStore.open(folder)
    assert (folder / STATE_FILE).read_bytes() == before


# Damage


def damaged_copy(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / STATE_FILE).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a state file of 300 chargers: several pages, inner ones too."""
    folder = tmp_path_factory.mktemp("sound")
    with closing(StateStore.open(folder)) as opened:
        opened.commit(fleet_of(300))
    return (folder / STATE_FILE).read_bytes()


@pytest.mark.parametrize("length", [0, 1, 99, 100, 4096, 5000, 8192, -4096, -1])
def test_a_truncated_file_is_set_aside(tmp_path: Path, sound: bytes, length: int) -> None:
    folder = damaged_copy(tmp_path / "data", sound[:length])
    with closing(StateStore.open(folder)) as opened:
        assert opened.load() == {}
        assert opened.set_aside is not None
        assert opened.set_aside.file == folder / "state.db.damaged-1"
        assert opened.set_aside.file.read_bytes() == sound[:length]
        assert str(folder / STATE_FILE) in opened.set_aside.reason
        assert opened.damaged_files == 1


@pytest.mark.parametrize("content", [b"not a database\n" * 1000, b"\0" * 20_000])
def test_what_is_no_database_is_set_aside(tmp_path: Path, content: bytes) -> None:
    folder = damaged_copy(tmp_path / "data", content)
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is not None
        assert opened.set_aside.file.read_bytes() == content


def test_a_database_of_another_program_is_set_aside(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        database.execute("CREATE TABLE chargers (name TEXT)")
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is not None


def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path, sound: bytes) -> None:
    rng = random.Random(20)
    noticed = 0
    # The header, where every bit has a meaning, and a sample of the rest.
    bits = [*range(0, 100 * 8, 7), *(rng.randrange(len(sound) * 8) for _ in range(100))]
    for number, bit in enumerate(bits):
        flipped = bytearray(sound)
        flipped[bit // 8] ^= 1 << bit % 8
        folder = damaged_copy(tmp_path / str(number), bytes(flipped))
        try:
            with closing(StateStore.open(folder)) as opened:
                if opened.set_aside is None:
                    assert opened.load() == fleet_of(300), f"bit {bit} went unnoticed"
                else:
                    assert opened.set_aside.file.read_bytes() == flipped
                    noticed += 1
        except StateError as error:
            assert "newer" in str(error), f"bit {bit}: {error}"  # noqa: PT017 - both ends are right
            noticed += 1
    assert noticed > 50


def test_a_changed_digit_is_noticed(tmp_path: Path, sound: bytes) -> None:
    assert sound.count(b"1000000123") == 1
    folder = damaged_copy(tmp_path / "data", sound.replace(b"1000000123", b"1000000023"))
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is not None
        assert "checksum" in opened.set_aside.reason


def test_a_row_that_has_vanished_is_noticed(tmp_path: Path, sound: bytes) -> None:
    """A leaf of the table says that it holds one row less: all the others read well."""
    leaf = next(start for start in range(4096, len(sound), 4096) if sound[start] == 0x0D)
    cells = int.from_bytes(sound[leaf + 3 : leaf + 5])
    content = sound[: leaf + 3] + (cells - 1).to_bytes(2) + sound[leaf + 5 :]
    with closing(StateStore.open(damaged_copy(tmp_path / "data", content))) as opened:
        assert opened.set_aside is not None
        assert "structure" in opened.set_aside.reason


def test_the_log_of_a_damaged_file_goes_with_it(folder: Path) -> None:
    opened = StateStore.open(folder)
    opened.commit({"a": FULL})
    wal = (folder / "state.db-wal").read_bytes()
    opened.close()
    (folder / STATE_FILE).write_bytes(b"overwritten")
    (folder / "state.db-wal").write_bytes(wal)
    with closing(StateStore.open(folder)) as again:
        assert again.load() == {}
    assert (folder / "state.db.damaged-1-wal").read_bytes() == wal


def test_a_log_without_its_file_is_damage_and_not_a_fresh_start(folder: Path) -> None:
    folder.mkdir()
    (folder / "state.db-wal").write_bytes(b"frames")
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is not None
    assert (folder / "state.db.damaged-1-wal").read_bytes() == b"frames"


def test_damaged_files_keep_names_of_their_own_and_are_counted_until_they_are_removed(folder: Path) -> None:
    for number in (1, 2):
        StateStore.open(folder).close()
        (folder / STATE_FILE).write_bytes(b"damage %d" % number)
    with closing(StateStore.open(folder)) as opened:
        assert opened.damaged_files == 2
    assert (folder / "state.db.damaged-1").read_bytes() == b"damage 1"
    assert (folder / "state.db.damaged-2").read_bytes() == b"damage 2"
    (folder / "state.db.damaged-1").unlink()
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is None
        assert opened.damaged_files == 1


def test_an_interrupted_creation_is_a_fresh_start(folder: Path) -> None:
    folder.mkdir()
    (folder / "state.db.new").write_bytes(b"half")
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is None
    assert not (folder / "state.db.new").exists()


# What the system refuses


def test_a_path_that_is_no_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=rf"{tmp_path}/file/state.db cannot be opened: \w+: "):
        StateStore.open(tmp_path / "file")


def test_a_file_that_another_program_locks_fails_the_commit_and_then_no_more(folder: Path, opened: StateStore) -> None:
    opened._connection.execute("PRAGMA busy_timeout = 10")  # noqa: SLF001 - the real one makes a test slow
    with closing(sqlite3.connect(folder / STATE_FILE, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match=r"state.db cannot be written \(SQLITE_BUSY\): another program"):
            opened.commit({"a": FULL})
    opened.commit({"a": FULL})
    assert opened.load() == {"a": FULL}


def test_a_file_that_was_replaced_under_the_exporter_takes_no_commits(folder: Path, opened: StateStore) -> None:
    (folder / STATE_FILE).unlink()
    with pytest.raises(StateError, match=r"cannot be written"):
        opened.commit({"a": FULL})
    (folder / STATE_FILE).write_bytes(b"")
    with pytest.raises(StateError, match="was replaced while in use: restart"):
        opened.commit({"a": FULL})


# Reading without opening


def test_reading_needs_no_lock_and_sees_every_commit(folder: Path, opened: StateStore) -> None:
    opened.commit({"a": kept(1)})
    assert read(folder) == {"a": kept(1)}
    opened.commit({"a": kept(2)})
    assert read(folder) == {"a": kept(2)}


def test_reading_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=rf"there is no state file {tmp_path}/state.db"):
        read(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_reading_a_closed_file_leaves_nothing_that_an_exporter_minds(folder: Path) -> None:
    with closing(StateStore.open(folder)) as opened:
        opened.commit({"a": FULL})
    assert read(folder) == {"a": FULL}
    with closing(StateStore.open(folder)) as opened:
        assert opened.set_aside is None
        assert opened.load() == {"a": FULL}


def test_reading_tells_of_damage_and_touches_nothing(folder: Path) -> None:
    StateStore.open(folder).close()
    (folder / STATE_FILE).write_bytes(b"damage")
    with pytest.raises(StateError, match=r"state\.db is damaged"):
        read(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["state.db", "state.lock"]
