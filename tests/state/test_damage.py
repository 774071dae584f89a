"""Damage to the state file: found wherever it lies, or without consequence. Never a total that is silently less."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from exporter.charger.charger import KeptState
from exporter.charger.meter import MeterState
from exporter.errors import StateError
from exporter.state.state_file import STATE_FILE
from exporter.state.store import StateStore

CHARGERS = 300
PAGE = 16_384
Parts = dict[str, bytes]  # the content of the state file and its journal, by name


def fleet(turn: int) -> dict[str, KeptState]:
    """Return what the fleet has become after so many turns."""
    return {
        f"charger-{number:05}": KeptState(
            MeterState(total_joules=10**9 + turn * 36_000 + number, sessions=turn), first_seen_unix=1.0
        )
        for number in range(CHARGERS)
    }


def parts(folder: Path) -> Parts:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "state.lock"}


@pytest.fixture(scope="module")
def after_hours(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """A file after many commits, some of all chargers and some of a few; the exporter was killed."""
    folder = tmp_path_factory.mktemp("hours")
    rng = random.Random(1)
    with closing(StateStore.open(folder)) as store:
        for turn in range(200):
            states = fleet(turn)
            store.commit({name: states[name] for name in rng.sample(sorted(states), rng.choice((1, 10, CHARGERS)))})
        store.commit(fleet(200))
        return parts(folder)


@pytest.fixture(scope="module")
def right_after_one(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """A file right after its first commit; the exporter was killed."""
    folder = tmp_path_factory.mktemp("one")
    with closing(StateStore.open(folder)) as store:
        store.commit(fleet(200))
        return parts(folder)


@pytest.fixture(scope="module")
def in_a_commit(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """A file, half written, and its journal: the exporter was killed in the middle of a commit."""
    folder = tmp_path_factory.mktemp("within")
    caught: list[Parts] = []
    with closing(StateStore.open(folder)) as store:
        store.commit(fleet(199))
        connection = store._connection  # noqa: SLF001 - a commit is to be seen half done
        # Pages go to the file before the commit when the cache is small, as they do within one.
        connection.execute("PRAGMA cache_spill = ON")
        connection.execute("PRAGMA cache_size = 2")
        connection.create_function("catch", 0, lambda: caught.append(parts(folder)))
        connection.execute(
            "CREATE TEMP TRIGGER t AFTER UPDATE ON chargers WHEN new.charger = 200 BEGIN SELECT catch(); END"
        )
        store.commit(fleet(200))
    assert caught[0].keys() == {"state.db", "state.db-journal"}
    assert caught[0]["state.db-journal"]
    return caught[0]


STATES = ("after_hours", "right_after_one", "in_a_commit")


@pytest.fixture(params=STATES)
def sound(request: pytest.FixtureRequest) -> Parts:
    sound: Parts = request.getfixturevalue(request.param)
    return sound


def consequence(folder: Path, damaged: Parts) -> str:
    """Start an exporter on these parts: "told", or "none" if all totals are at least what was committed."""
    folder.mkdir()
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
    try:
        store = StateStore.open(folder)
    except StateError:
        return "told"
    with closing(store):
        if store.set_aside is not None:
            assert store.set_aside.file.exists() or damaged.keys() == {"state.db-journal"}
            assert str(folder / STATE_FILE) in store.set_aside.reason
            return "told"
        kept = store.load()
        before, after = fleet(199), fleet(200)
        # Within a commit, each charger may have its state before it or after it: neither is less than what was shown.
        allowed = {name: (state, after[name]) for name, state in before.items()}
        unlike = [name for name, states in allowed.items() if kept.get(name) not in states]
        assert not unlike, f"silently changed: {unlike[:3]}"
        return "none"


def test_without_damage_nothing_is_lost(tmp_path: Path, sound: Parts) -> None:
    assert consequence(tmp_path / "data", sound) == "none"


def places(content: bytes, rng: random.Random) -> list[int]:
    """Return bytes of every kind of place: headers of the file and of its pages, pointers, rows, free space."""
    chosen = {*range(100), *(rng.randrange(len(content)) for _ in range(100))}
    for page in range(0, len(content), PAGE):
        chosen |= {page + offset for offset in (*range(16), PAGE - 1)}
    return sorted(place for place in chosen if place < len(content))


def test_a_flipped_byte_is_told_or_without_consequence(tmp_path: Path, sound: Parts) -> None:
    rng = random.Random(20)
    found = []
    for name, content in sound.items():
        for place in places(content, rng):
            flipped = bytearray(content)
            flipped[place] ^= 1 << rng.randrange(8) if rng.random() < 0.5 else rng.randrange(1, 256)
            found.append(consequence(tmp_path / f"{name}-{place}", sound | {name: bytes(flipped)}))
    assert found.count("told") > 50


@pytest.mark.parametrize("length", [0, 1, 15, 16, 99, 100, 4096, 5000, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, -PAGE, -1])
def test_a_truncated_part_is_told_or_without_consequence(tmp_path: Path, sound: Parts, length: int) -> None:
    for name, content in sound.items():
        found = consequence(tmp_path / name, sound | {name: content[:length]})
        # A journal has what undoes the damage as well.
        assert found == "told" or len(sound) > 1


def test_a_missing_part_is_told_or_without_consequence(tmp_path: Path, sound: Parts) -> None:
    for name in sound:
        rest = {other: content for other, content in sound.items() if other != name}
        if rest:
            found = consequence(tmp_path / name, rest)
            assert found == "told" or name != STATE_FILE


def test_an_appended_or_overwritten_part_is_told_or_without_consequence(tmp_path: Path, sound: Parts) -> None:
    for name, content in sound.items():
        for number, damaged in enumerate((content + bytes(PAGE), bytes(len(content)), b"overwritten" * 1000)):
            found = consequence(tmp_path / f"{name}-{number}", sound | {name: damaged})
            assert found == "told" or len(sound) > 1


def damaged_copy(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / STATE_FILE).write_bytes(content)
    return folder


@pytest.mark.parametrize("length", [0, 100, -1])
def test_a_damaged_file_is_set_aside_as_it_is(tmp_path: Path, right_after_one: Parts, length: int) -> None:
    content = right_after_one[STATE_FILE][:length]
    folder = damaged_copy(tmp_path / "data", content)
    with closing(StateStore.open(folder)) as store:
        assert store.load() == {}
        assert store.set_aside is not None
        assert store.set_aside.file == folder / "state.db.damaged-1"
        assert store.set_aside.file.read_bytes() == content
        assert store.damaged_files == 1


def test_a_changed_digit_is_noticed(tmp_path: Path, right_after_one: Parts) -> None:
    total = b"%d" % (10**9 + 200 * 36_000 + 123)
    content = right_after_one[STATE_FILE]
    assert content.count(total) == 1
    folder = damaged_copy(tmp_path / "data", content.replace(total, total.replace(b"1", b"9", 1)))
    with closing(StateStore.open(folder)) as store:
        assert store.set_aside is not None
        assert "checksum" in store.set_aside.reason


def swap_states(database: sqlite3.Connection) -> None:
    """Give two chargers each other's state, with its checksum."""
    (one, *first), (other, *second) = database.execute("SELECT charger, state, checksum FROM chargers LIMIT 2")
    update = "UPDATE chargers SET state = ?, checksum = ? WHERE charger = ?"
    database.execute(update, (*first, other))
    database.execute(update, (*second, one))


def rename_a_charger(database: sqlite3.Connection) -> None:
    database.execute("UPDATE chargers SET charger_id = 'another' WHERE charger = 7")


@pytest.mark.parametrize("damage", [swap_states, rename_a_charger])
def test_a_row_that_belongs_to_another_charger_is_noticed(
    tmp_path: Path, right_after_one: Parts, damage: Callable[[sqlite3.Connection], None]
) -> None:
    folder = damaged_copy(tmp_path / "data", right_after_one[STATE_FILE])
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        damage(database)
        database.commit()
    with closing(StateStore.open(folder)) as store:
        assert store.set_aside is not None
        assert "checksum" in store.set_aside.reason


def test_a_journal_without_its_file_is_damage_and_not_a_fresh_start(tmp_path: Path) -> None:
    (tmp_path / "state.db-journal").write_bytes(b"pages")
    with closing(StateStore.open(tmp_path)) as store:
        assert store.set_aside is not None
        assert store.load() == {}
    assert (tmp_path / "state.db.damaged-1-journal").read_bytes() == b"pages"


def test_damaged_files_have_names_of_their_own_and_are_counted_until_they_are_removed(tmp_path: Path) -> None:
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


def test_an_interrupted_creation_is_a_fresh_start(tmp_path: Path) -> None:
    (tmp_path / "state.db.new").write_bytes(b"half")
    with closing(StateStore.open(tmp_path)) as store:
        assert store.set_aside is None
    assert not (tmp_path / "state.db.new").exists()
