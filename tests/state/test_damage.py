"""Damage to the state file is reported or has no effect. A total never falls silently."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from exporter.errors import StateError
from exporter.state import session_pages, session_query
from exporter.state.period import Period
from exporter.state.state_file import STATE_FILE, open_to_read
from exporter.state.store import StateStore
from tests.state import killed
from tests.state.killed import CHARGERS, PAGE, Parts, Scene, commit, one_more_session, state_after
from tests.state.listed import DAY, NOON, session

INDEX_LEAF = 0x0A  # the first byte of a page, in the file format of SQLite


TWO_DAYS = Period(NOON, NOON + 2 * DAY)


@pytest.fixture(scope="module", params=(killed.after_hours, killed.right_after_one, killed.in_a_commit))
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene: Scene = request.param(tmp_path_factory.mktemp("sound"))
    return scene


def consequence(folder: Path, scene: Scene, damaged: Parts) -> str:
    """Start an exporter on these parts, and list the sessions: "reported", or "none" if all is as it was committed."""
    folder.mkdir()
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
    try:
        with closing(StateStore.open(folder)) as store:
            if store.set_aside is not None:
                assert str(folder / STATE_FILE) in store.set_aside.reason
                return "reported"
            kept = store.load()
        with open_to_read(folder / STATE_FILE) as connection:
            found = [session_query.of_charger(connection, name) for name in CHARGERS]
            assert_sessions_of_a_period(connection, scene)
    except StateError:
        return "reported"
    for each in found:
        assert each is not None
        if each.unreadable or not each.agrees:
            return "reported"
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
        assert sorted(page.sessions, key=lambda each: session_pages.cursor_of(*each)) == sorted(
            listed, key=lambda each: session_pages.cursor_of(*each)
        )
    assert page.is_complete or any(each is not None and each.unreadable for each in found)


def test_an_undamaged_file_loses_nothing(tmp_path: Path, sound: Scene) -> None:
    assert consequence(tmp_path / "data", sound, sound.parts) == "none"


def places(content: bytes, rng: random.Random) -> list[int]:
    """Return bytes of every kind of place: headers of the file and of its pages, pointers, rows, free space."""
    chosen = {*range(0, 100, 2), *(rng.randrange(len(content)) for _ in range(40))}
    for page in range(0, len(content), PAGE):
        chosen |= {page + offset for offset in (0, *rng.sample(range(1, 12), 4), PAGE - 1)}
    return sorted(place for place in chosen if place < len(content))


def test_a_flipped_byte_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene) -> None:
    rng = random.Random(20)
    found = []
    for name, content in sound.parts.items():
        for place in places(content, rng):
            flipped = bytearray(content)
            flipped[place] ^= 1 << rng.randrange(8) if rng.random() < 0.5 else rng.randrange(1, 256)
            found.append(consequence(tmp_path / f"{name}-{place}", sound, sound.parts | {name: bytes(flipped)}))
    assert found.count("reported") > 25


@pytest.mark.parametrize("length", [0, 1, 15, 16, 99, 100, 4096, 5000, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, -PAGE, -1])
def test_a_truncated_part_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene, length: int) -> None:
    for name, content in sound.parts.items():
        found = consequence(tmp_path / name, sound, sound.parts | {name: content[:length]})
        assert found == "reported" or sound.undoes(name)


def test_a_missing_part_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene) -> None:
    for name in sound.parts:
        rest = {other: content for other, content in sound.parts.items() if other != name}
        if rest:
            found = consequence(tmp_path / name, sound, rest)
            assert found == "reported" or name != STATE_FILE


def test_an_appended_or_overwritten_part_is_reported_or_has_no_effect(tmp_path: Path, sound: Scene) -> None:
    for name, content in sound.parts.items():
        for number, damaged in enumerate((content + bytes(PAGE), bytes(len(content)), b"overwritten" * 1000)):
            found = consequence(tmp_path / f"{name}-{number}", sound, sound.parts | {name: damaged})
            assert found == "reported" or sound.undoes(name)


def test_damaged_sessions_affect_neither_totals_nor_other_sessions(
    tmp_path: Path,
) -> None:
    # A day on which no time of a session contains the bytes of the first day by chance.
    later = 20_500 * 86_400.0
    old = one_more_session(dict.fromkeys(CHARGERS, ()), CHARGERS)
    lists = {name: (*sessions, *(session(n, later + n) for n in range(2, 200))) for name, sessions in old.items()}
    with closing(StateStore.open(tmp_path)) as store:
        commit(store, {}, lists)
    # All pages of the table of sessions but the first.
    content = bytearray((tmp_path / STATE_FILE).read_bytes())
    for page in range(0, len(content), PAGE):
        rows = content[page : page + PAGE]
        if rows[0] == INDEX_LEAF and b"document" in rows and (20_000).to_bytes(2) not in rows:
            content[page] = 0xFF
    (tmp_path / STATE_FILE).write_bytes(content)
    more = {name: (*sessions, session(1000, later + 1.5)) for name, sessions in lists.items()}
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
