"""A damaged state file is set aside unchanged, and a new one takes its place."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from exporter.charger.meter_state import MeterState
from exporter.state.state_file import STATE_FILE
from exporter.state.store import StateStore
from tests.state import killed
from tests.state.killed import CHARGERS


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A state file right after a commit."""
    return killed.right_after_one(tmp_path_factory.mktemp("one")).parts[STATE_FILE]


def damaged_copy(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / STATE_FILE).write_bytes(content)
    return folder


@pytest.mark.parametrize("length", [0, 100, -1])
def test_a_damaged_file_is_set_aside_unchanged(tmp_path: Path, content: bytes, length: int) -> None:
    damaged = content[:length]
    folder = damaged_copy(tmp_path / "data", damaged)
    with closing(StateStore.open(folder)) as store:
        assert store.load() == {}
        assert store.set_aside is not None
        assert store.set_aside.file == folder / "state.db.damaged-1"
        assert store.set_aside.file.read_bytes() == damaged
        assert store.damaged_files == 1


def test_a_changed_digit_is_detected(tmp_path: Path, content: bytes) -> None:
    before, after = (msgspec.msgpack.encode(MeterState(total_joules=joules))[:6] for joules in (36_000, 39_000))
    assert content.count(before) == len(CHARGERS)
    folder = damaged_copy(tmp_path / "data", content.replace(before, after, 1))
    with closing(StateStore.open(folder)) as store:
        assert store.set_aside is not None
        assert "checksum" in store.set_aside.reason


def swap_states(database: sqlite3.Connection) -> None:
    """Give two rows each other's states, with their checksums."""
    (one, *first), (other, *second) = database.execute("SELECT block, content, checksum FROM states LIMIT 2")
    update = "UPDATE states SET content = ?, checksum = ? WHERE block = ?"
    database.execute(update, (*first, other))
    database.execute(update, (*second, one))


def rename_a_charger(database: sqlite3.Connection) -> None:
    database.execute("UPDATE chargers SET charger_id = 'another' WHERE charger = 7")


def lose_a_row(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM states WHERE block = 1")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (swap_states, "the checksum of a block is wrong"),
        (rename_a_charger, "a block lacks the state of a charger"),
        (lose_a_row, "a block of states is missing"),
    ],
)
def test_states_of_other_chargers_are_detected(
    tmp_path: Path, content: bytes, damage: Callable[[sqlite3.Connection], None], reason: str
) -> None:
    folder = damaged_copy(tmp_path / "data", content)
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        damage(database)
        database.commit()
    with closing(StateStore.open(folder)) as store:
        assert store.set_aside is not None
        assert reason in store.set_aside.reason


def test_a_journal_without_its_file_is_damage(tmp_path: Path) -> None:
    (tmp_path / "state.db-journal").write_bytes(b"pages")
    with closing(StateStore.open(tmp_path)) as store:
        assert store.set_aside is not None
        assert store.load() == {}
    assert (tmp_path / "state.db.damaged-1-journal").read_bytes() == b"pages"


def test_damaged_files_get_numbers_and_are_counted_until_removed(tmp_path: Path) -> None:
    for number in (1, 2):
        StateStore.open(tmp_path).close()
        (tmp_path / STATE_FILE).write_bytes(b"damage %d" % number)
    with closing(StateStore.open(tmp_path)) as store:
        assert store.damaged_files == 2
    assert (tmp_path / "state.db.damaged-1").read_bytes() == b"damage 1"
    assert (tmp_path / "state.db.damaged-2").read_bytes() == b"damage 2"
    (tmp_path / "state.db.damaged-1").unlink()
    with closing(StateStore.open(tmp_path)) as store:
        assert store.set_aside is None
        assert store.damaged_files == 1


def test_after_an_interrupted_creation_the_file_is_created_again(tmp_path: Path) -> None:
    (tmp_path / "state.db.new").write_bytes(b"half")
    with closing(StateStore.open(tmp_path)) as store:
        assert store.set_aside is None
    assert not (tmp_path / "state.db.new").exists()
