"""Damage to the state file is reported or has no effect. A total never falls silently."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from exporter.charger.charger import KeptState
from exporter.charger.sessions import Session
from exporter.errors import StateError
from exporter.state import session_pages, session_query
from exporter.state.session_query import Period
from exporter.state.state_file import STATE_FILE, open_to_read
from exporter.state.store import StateStore
from tests.state.listed import DAY, NOON, session, state_with

CHARGERS = tuple(f"charger-{number:03}" for number in range(40))
PAGE = 16_384
INDEX_LEAF = 0x0A  # the first byte of a page, in the file format of SQLite
TWO_DAYS = Period(NOON, NOON + 2 * DAY)
Parts = dict[str, bytes]  # the content of the state file and its journal, by name
Lists = dict[str, tuple[Session, ...]]  # the sessions of each charger


@dataclass(frozen=True)
class Scene:
    """The files of an exporter that was killed, and the allowed results of reading them."""

    parts: Parts
    allowed: tuple[Lists, ...]

    def undoes(self, name: str) -> bool:
        """Whether damage to this part may have no effect: the journal of a commit undoes that to the file."""
        return name != STATE_FILE or len(self.allowed) > 1


def one_more_session(lists: Lists, chargers: Iterable[str]) -> Lists:
    """Return the lists after another session of each of these chargers, some hours later."""
    more = {
        name: (*lists[name], session(len(lists[name]) + 1, NOON + len(lists[name]) * 20_000.0)) for name in chargers
    }
    return lists | more


def commit(store: StateStore, before: Lists, after: Lists) -> None:
    store.commit({name: state_after(after[name], after[name][len(before.get(name, ())) :]) for name in after})


def state_after(sessions: tuple[Session, ...], new: tuple[Session, ...] = ()) -> KeptState:
    return msgspec.structs.replace(state_with(*sessions), sessions=new)


def read_parts(folder: Path) -> Parts:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "state.lock"}


@pytest.fixture(scope="module")
def after_hours(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """After many commits, some of all chargers and some of a few."""
    folder = tmp_path_factory.mktemp("hours")
    rng = random.Random(1)
    lists: Lists = dict.fromkeys(CHARGERS, ())
    with closing(StateStore.open(folder)) as store:
        for _ in range(60):
            before = lists
            lists = one_more_session(lists, rng.sample(CHARGERS, rng.choice((1, 10, len(CHARGERS)))))
            commit(store, before, lists)
        return Scene(read_parts(folder), (lists,))


@pytest.fixture(scope="module")
def right_after_one(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Right after the first commit."""
    folder = tmp_path_factory.mktemp("one")
    lists = one_more_session(dict.fromkeys(CHARGERS, ()), CHARGERS)
    with closing(StateStore.open(folder)) as store:
        commit(store, {}, lists)
        return Scene(read_parts(folder), (lists,))


@pytest.fixture(scope="module")
def in_a_commit(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """In the middle of a commit: the file is half written, and its journal beside it."""
    folder = tmp_path_factory.mktemp("within")
    before: Lists = dict.fromkeys(CHARGERS, ())
    for _ in range(5):
        before = one_more_session(before, CHARGERS)
    after = one_more_session(before, CHARGERS)
    caught: list[Parts] = []
    with closing(StateStore.open(folder)) as store:
        commit(store, {}, before)
        connection = store._connection  # noqa: SLF001 - a commit is to be seen half done
        # With a small cache, pages are written to the file before the commit.
        connection.execute("PRAGMA cache_spill = ON")
        connection.execute("PRAGMA cache_size = 2")
        connection.create_function("catch", 0, lambda: caught.append(read_parts(folder)))
        connection.execute(
            "CREATE TEMP TRIGGER late AFTER INSERT ON sessions WHEN new.charger = 30 BEGIN SELECT catch(); END"
        )
        commit(store, before, after)
    assert caught[0].keys() == {"state.db", "state.db-journal"}
    assert caught[0]["state.db"] != read_parts(folder)["state.db"]
    return Scene(caught[0], (before, after))


@pytest.fixture(params=("after_hours", "right_after_one", "in_a_commit"))
def sound(request: pytest.FixtureRequest) -> Scene:
    scene: Scene = request.getfixturevalue(request.param)
    return scene


def consequence(folder: Path, scene: Scene, damaged: Parts) -> str:
    """Start an exporter on these parts, and list the sessions: "told", or "none" if all is as it was committed."""
    folder.mkdir()
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
    try:
        with closing(StateStore.open(folder)) as store:
            if store.set_aside is not None:
                assert str(folder / STATE_FILE) in store.set_aside.reason
                return "told"
            kept = store.load()
        with open_to_read(folder / STATE_FILE) as connection:
            found = [session_query.of_charger(connection, name) for name in CHARGERS]
            assert_sessions_of_a_period(connection, scene)
    except StateError:
        return "told"
    for each in found:
        assert each is not None
        if each.unreadable or not each.agrees:
            return "told"
        # Within a commit, a charger may have its state before it or after it: neither is less than what was shown.
        allowed = [lists[each.charger_id] for lists in scene.allowed]
        assert tuple(each.sessions) in allowed, f"silently changed: {each.charger_id}"
        assert kept[each.charger_id] == state_after(tuple(each.sessions))
    return "none"


def assert_sessions_of_a_period(connection: sqlite3.Connection, scene: Scene) -> None:
    """The sessions of two days are as they were committed, unless the queries of these days report damage."""
    found = [session_query.of_charger(connection, name, TWO_DAYS) for name in CHARGERS]
    page = session_pages.newest(connection, TWO_DAYS, 1000)
    totals = session_pages.totals_of_all(connection, TWO_DAYS)
    if session_query.damaged_days(connection, TWO_DAYS):
        assert not totals.is_complete
        assert not page.is_complete
        return
    assert totals.is_complete
    listed = []
    for each in found:
        assert each is not None
        allowed = [[one for one in lists[each.charger_id] if one.began_unix in TWO_DAYS] for lists in scene.allowed]
        assert each.unreadable or each.sessions in allowed, f"silently changed: {each.charger_id}"
        listed += [(each.charger_id, one) for one in each.sessions]
    if page.is_complete:
        assert sorted(page.sessions, key=lambda each: session_pages.place_of(*each)) == sorted(
            listed, key=lambda each: session_pages.place_of(*each)
        )
    assert page.is_complete or any(each is not None and each.unreadable for each in found)


def test_an_undamaged_file_loses_nothing(tmp_path: Path, sound: Scene) -> None:
    assert consequence(tmp_path / "data", sound, sound.parts) == "none"


def places(content: bytes, rng: random.Random) -> list[int]:
    """Return bytes of every kind of place: headers of the file and of its pages, pointers, rows, free space."""
    chosen = {*range(100), *(rng.randrange(len(content)) for _ in range(60))}
    for page in range(0, len(content), PAGE):
        chosen |= {page + offset for offset in (*range(12), PAGE - 1)}
    return sorted(place for place in chosen if place < len(content))


def test_a_flipped_byte_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene) -> None:
    rng = random.Random(20)
    found = []
    for name, content in sound.parts.items():
        for place in places(content, rng):
            flipped = bytearray(content)
            flipped[place] ^= 1 << rng.randrange(8) if rng.random() < 0.5 else rng.randrange(1, 256)
            found.append(consequence(tmp_path / f"{name}-{place}", sound, sound.parts | {name: bytes(flipped)}))
    assert found.count("told") > 50


@pytest.mark.parametrize("length", [0, 1, 15, 16, 99, 100, 4096, 5000, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, -PAGE, -1])
def test_a_truncated_part_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene, length: int) -> None:
    for name, content in sound.parts.items():
        found = consequence(tmp_path / name, sound, sound.parts | {name: content[:length]})
        assert found == "told" or sound.undoes(name)


def test_a_missing_part_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene) -> None:
    for name in sound.parts:
        rest = {other: content for other, content in sound.parts.items() if other != name}
        if rest:
            found = consequence(tmp_path / name, sound, rest)
            assert found == "told" or name != STATE_FILE


def test_an_appended_or_overwritten_part_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene) -> None:
    for name, content in sound.parts.items():
        for number, damaged in enumerate((content + bytes(PAGE), bytes(len(content)), b"overwritten" * 1000)):
            found = consequence(tmp_path / f"{name}-{number}", sound, sound.parts | {name: damaged})
            assert found == "told" or sound.undoes(name)


def damaged_copy(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / STATE_FILE).write_bytes(content)
    return folder


@pytest.mark.parametrize("length", [0, 100, -1])
def test_a_damaged_file_is_set_aside_unchanged(tmp_path: Path, right_after_one: Scene, length: int) -> None:
    content = right_after_one.parts[STATE_FILE][:length]
    folder = damaged_copy(tmp_path / "data", content)
    with closing(StateStore.open(folder)) as store:
        assert store.load() == {}
        assert store.set_aside is not None
        assert store.set_aside.file == folder / "state.db.damaged-1"
        assert store.set_aside.file.read_bytes() == content
        assert store.damaged_files == 1


def test_a_changed_digit_is_detected(tmp_path: Path, right_after_one: Scene) -> None:
    name = msgspec.msgpack.encode("total_joules")
    total, other = (name + msgspec.msgpack.encode(joules) for joules in (36_000, 39_000))
    content = right_after_one.parts[STATE_FILE]
    assert content.count(total) == len(CHARGERS)
    folder = damaged_copy(tmp_path / "data", content.replace(total, other, 1))
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
def test_a_row_of_another_charger_is_detected(
    tmp_path: Path, right_after_one: Scene, damage: Callable[[sqlite3.Connection], None]
) -> None:
    folder = damaged_copy(tmp_path / "data", right_after_one.parts[STATE_FILE])
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        damage(database)
        database.commit()
    with closing(StateStore.open(folder)) as store:
        assert store.set_aside is not None
        assert "checksum" in store.set_aside.reason


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


def test_damaged_sessions_affect_neither_totals_nor_other_sessions(
    tmp_path: Path,
) -> None:
    today = time.time() // 86_400 * 86_400
    old = one_more_session(dict.fromkeys(CHARGERS, ()), CHARGERS)
    lists = {name: (*sessions, *(session(n, today + n) for n in range(2, 200))) for name, sessions in old.items()}
    with closing(StateStore.open(tmp_path)) as store:
        commit(store, {}, lists)
    # All pages of the table of sessions but the first.
    content = bytearray((tmp_path / STATE_FILE).read_bytes())
    for page in range(0, len(content), PAGE):
        rows = content[page : page + PAGE]
        if rows[0] == INDEX_LEAF and b"document" in rows and (20_000).to_bytes(2) not in rows:
            content[page] = 0xFF
    (tmp_path / STATE_FILE).write_bytes(content)
    more = {name: (*sessions, session(1000, today + 1.5)) for name, sessions in lists.items()}
    with closing(StateStore.open(tmp_path)) as store:
        assert store.set_aside is None
        for name in CHARGERS:
            repaired = store.commit({name: state_after(more[name], more[name][-1:])})
            if repaired:
                break
        assert "is damaged" in repaired
        assert "a new file has its totals and readable sessions" in repaired
        assert store.damaged_files == 1
        assert store.load().keys() == set(CHARGERS)
    with open_to_read(tmp_path / STATE_FILE) as connection:
        found = [session_query.of_charger(connection, name) for name in CHARGERS]
    assert all(each is not None and each.sessions[0] == old[each.charger_id][0] for each in found)
    assert any(each is not None and not each.agrees for each in found)
    assert (tmp_path / "state.db.damaged-1").exists()
