"""The table of sessions: each is written once, read unchanged, and trimmed without a change of the sum."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from exporter.charger.sessions import KnownBy, RunningSession, Session
from exporter.state import session_pages, session_query, store
from exporter.state.period import ALL_TIME, Period, time_of
from exporter.state.session_pages import Cursor, Totals
from exporter.state.state_file import STATE_FILE, open_to_read
from exporter.state.store import StateStore
from tests.state.listed import DAY, NOON, session, state_with


def listed(folder: Path, charger_id: str = "a", period: Period = ALL_TIME) -> list[Session]:
    with open_to_read(folder / STATE_FILE) as connection:
        found = session_query.of_charger(connection, charger_id, period)
        assert found is not None
        assert found.unreadable == 0
        assert found.agrees
        return found.sessions


def test_a_session_is_stored_and_loaded(folder: Path, opened: StateStore) -> None:
    full = session(1)
    bare = Session(2, NOON + 0.125, None, 1, None, KnownBy.ASSUMED, None, certain=False)
    opened.commit({"a": state_with(full, bare)})
    assert listed(folder) == [full, bare]


def test_sessions_are_kept_by_charger_and_oldest_first(folder: Path, opened: StateStore) -> None:
    first, second, third = (session(number, NOON + number * DAY) for number in (1, 2, 3))
    opened.commit({"a": state_with(first, third), "b": state_with(second)})
    assert listed(folder, "a") == [first, third]
    assert listed(folder, "b") == [second]


def test_the_next_commit_adds_to_the_list(folder: Path, opened: StateStore) -> None:
    first, second = session(1), session(2, NOON + DAY)
    opened.commit({"a": state_with(first)})
    opened.commit({"a": state_with(second, total_joules=72_000, settled_joules=72_000)})
    assert listed(folder) == [first, second]


def test_a_session_written_twice_is_listed_once(folder: Path, opened: StateStore) -> None:
    """A commit may reach the disk and yet be reported as failed, and is then repeated."""
    for _ in range(2):
        opened.commit({"a": state_with(session(1))})
    assert listed(folder) == [session(1)]


def test_revisable_sessions_are_listed_from_the_state_of_the_charger(folder: Path, opened: StateStore) -> None:
    running = RunningSession(36_000, NOON + DAY, NOON + DAY + 60, NOON + DAY + 60, number=2, set_aside=1000)
    nothing_yet = RunningSession(0, NOON + DAY, NOON + DAY, NOON + DAY)
    settled = session(1)
    opened.commit({"a": state_with(settled, previous=running, current=nothing_yet, total_joules=71_000)})
    assert listed(folder) == [settled, running.row()]


def test_counter_is_start_plus_sessions_minus_set_aside_plus_excess(folder: Path, opened: StateStore) -> None:
    meter = {"start_joules": 1000, "settled_set_aside_joules": 200, "excess_joules": 30, "total_joules": 36_830}
    opened.commit({"a": state_with(session(1), **meter)})
    assert listed(folder) == [session(1)]
    opened.commit({"a": state_with(**(meter | {"settled_joules": 36_000, "total_joules": 36_831}))})
    with open_to_read(folder / STATE_FILE) as connection:
        found = session_query.of_charger(connection, "a")
        assert found is not None
        assert not found.agrees


@pytest.mark.parametrize(
    ("period", "numbers"),
    [
        (Period(), [1, 2, 3]),
        (Period(since=NOON + DAY), [2, 3]),
        (Period(since=NOON + DAY + 0.001), [3]),
        (Period(until=NOON + DAY), [1]),
        (Period(until=NOON + DAY + 0.001), [1, 2]),
        (Period(NOON + 1, NOON + 2 * DAY - 1), [2]),
        (Period(NOON + 9 * DAY, NOON + 10 * DAY), []),
    ],
)
def test_a_period_holds_the_sessions_that_began_in_it(
    folder: Path, opened: StateStore, period: Period, numbers: list[int]
) -> None:
    opened.commit({"a": state_with(*(session(number, NOON + (number - 1) * DAY) for number in (1, 2, 3)))})
    assert [each.number for each in listed(folder, period=period)] == numbers


def test_an_unknown_charger_has_no_list(folder: Path, opened: StateStore) -> None:
    opened.commit({"a": state_with()})
    with open_to_read(folder / STATE_FILE) as connection:
        assert session_query.of_charger(connection, "b") is None


# Pages


def test_pages_are_newest_first_and_complete(folder: Path, opened: StateStore) -> None:
    """Ties in time, days and pages fall together in every way."""
    settled = {
        name: [session(number, NOON + number // 3 * DAY / 2) for number in range(1, 20)] for name in ("a", "b", "ü")
    }
    running = RunningSession(1000, NOON, NOON, NOON, number=20)
    opened.commit({name: state_with(*each, current=running) for name, each in settled.items()})
    everything = [(name, each) for name, sessions in settled.items() for each in (*sessions, running.row())]
    expected = sorted(everything, key=lambda each: session_pages.cursor_of(*each), reverse=True)
    with open_to_read(folder / STATE_FILE) as connection:
        for limit in (1, 7, 100):
            seen: list[tuple[str, Session]] = []
            cursor, more = session_pages.START, True
            while more:
                page = session_pages.newest(connection, Period(), limit, cursor)
                assert len(page.sessions) <= limit
                seen += page.sessions
                cursor, more = session_pages.cursor_of(*page.sessions[-1]), page.more
            assert seen == expected
        of_two = session_pages.newest_of(connection, ("a", "b", "unknown"), Period(), 5, Cursor(NOON, "b", 2))
        assert (
            of_two.sessions
            == [each for each in expected if each[0] != "ü" and session_pages.cursor_of(*each) < (NOON, "b", 2)][:5]
        )


def test_totals_have_the_number_and_energy_of_a_period(folder: Path, opened: StateStore) -> None:
    def of(sessions: int, joules: int) -> Totals:
        return Totals(sessions, joules, is_complete=True)

    noon = Period(NOON, NOON + 1)
    running = RunningSession(1000, NOON, NOON, NOON, number=9)
    opened.commit({name: state_with(session(1), session(2, NOON + DAY), current=running) for name in ("a", "b")})
    with open_to_read(folder / STATE_FILE) as connection:
        assert session_pages.totals_of_all(connection, noon) == of(4, 2 * 36_000 + 2000)
        assert session_pages.totals_of_all(connection, Period()) == of(6, 4 * 36_000 + 2000)
        assert session_pages.totals(connection, ("a",), noon) == of(2, 37_000)
        assert session_pages.totals(connection, ("unknown",), noon) == of(0, 0)


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("7d", 1_000_000 - 7 * DAY),
        ("1h30m", 1_000_000 - 5400),
        ("1970-01-02T00:00:00Z", DAY),
        ("1970-01-02T05:30:00.5+05:30", DAY + 0.5),
        ("1970-01-02T00:00:00", DAY),
        ("1970-01-02", DAY),
    ],
)
def test_a_time_is_rfc_3339_or_a_duration_before_now(text: str, unix: float) -> None:
    assert time_of(text, 1_000_000.0) == unix


@pytest.mark.parametrize("text", ["", "yesterday", "7", "2026-13-01", "-1d"])
def test_an_invalid_time_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time such as 2026-11-01T00:00:00Z, or a duration such as 7d"):
        time_of(text, 0.0)


# Retention


def test_old_sessions_are_trimmed_in_small_steps_and_the_sum_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TRIMMED_AT_ONCE", 7)
    now = time.time()
    old = [session(number, now - (40 - number) * DAY, 1000 * number) for number in range(1, 31)]
    with closing(StateStore.open(folder)) as keeping_all:
        keeping_all.commit({"a": state_with(*old), "b": state_with(*old)})
        assert len(listed(folder)) == 30
    with closing(StateStore.open(folder, retention_days=20)) as opened:
        left = [60]
        while left[-1] > 2 * 11:
            opened.commit({})
            left.append(len(listed(folder, "a")) + len(listed(folder, "b")))
        assert max(before - after for before, after in pairwise(left)) == 7
        opened.commit({})
        # What began 20 days ago is kept to the end of that day.
        assert [each.number for each in listed(folder)] == list(range(20, 31))


def test_a_revisable_session_is_in_the_period_in_which_it_began(folder: Path, opened: StateStore) -> None:
    running = RunningSession(36_000, NOON, NOON, NOON, number=1)
    opened.commit({"a": state_with(current=running, total_joules=36_000)})
    assert listed(folder, period=Period(NOON, NOON + 1)) == [running.row()]
    assert listed(folder, period=Period(until=NOON)) == []


# Damage: never silent


def test_sessions_swapped_between_two_chargers_are_detected(folder: Path) -> None:
    """Both are sound in themselves, and both sums agree."""
    with closing(StateStore.open(folder)) as opened:
        opened.commit({"a": state_with(session(1)), "b": state_with(session(1, NOON + 60))})
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        for before, after in ((1, 3), (2, 1), (3, 2)):
            database.execute("UPDATE sessions SET charger = ? WHERE charger = ?", (after, before))
        database.commit()
    with open_to_read(folder / STATE_FILE) as connection:
        found = [session_query.of_charger(connection, charger_id) for charger_id in ("a", "b")]
    assert [each.unreadable for each in found if each is not None] == [1, 1]


def set_in(column: str, value: object) -> Callable[[sqlite3.Connection], None]:
    def damage(database: sqlite3.Connection) -> None:
        database.execute(f"UPDATE sessions SET {column} = ? WHERE number = 2 AND charger = 1", (value,))

    return damage


DAMAGE_TO_SESSIONS = [
    *(set_in(column, 7) for column in ("day", "began_unix", "ended_unix", "energy_joules", "peak_watts", "certain")),
    *(set_in(column, b"\xff") for column in ("began_by", "ended_by", "energy_joules", "began_unix")),
    set_in("charger", 3),
    set_in("number", 3),
    set_in("ended_by", "status"),
    set_in("peak_watts", None),
    set_in("checksum", 0),
    lambda database: database.execute("DELETE FROM sessions WHERE number = 2 AND charger = 1"),
]


def write_damaged(folder: Path, damage: Callable[[sqlite3.Connection], None]) -> None:
    """Write two sessions of two chargers, and damage the file."""
    with closing(StateStore.open(folder)) as opened:
        opened.commit({name: state_with(session(1), session(2, NOON + DAY)) for name in ("a", "b")})
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        damage(database)
        database.commit()


@pytest.mark.parametrize(
    "damage",
    [*DAMAGE_TO_SESSIONS, lambda database: database.execute("UPDATE chargers SET trimmed_joules = 1")],
)
def test_a_changed_missing_or_misplaced_session_is_detected(
    folder: Path, damage: Callable[[sqlite3.Connection], None]
) -> None:
    write_damaged(folder, damage)
    with open_to_read(folder / STATE_FILE) as connection:
        found = [session_query.of_charger(connection, charger_id) for charger_id in ("a", "b")]
        assert any(each is not None and (each.unreadable or not each.agrees) for each in found)
        assert not session_pages.newest_of(connection, ("a", "b"), Period(), 10).is_complete
        assert not session_pages.totals(connection, ("a", "b"), Period()).is_complete


@pytest.mark.parametrize("damage", DAMAGE_TO_SESSIONS)
def test_a_damaged_session_is_detected_among_those_of_its_day(
    folder: Path, damage: Callable[[sqlite3.Connection], None]
) -> None:
    the_day = Period(NOON + DAY, NOON + DAY + 1)
    write_damaged(folder, damage)
    with open_to_read(folder / STATE_FILE) as connection:
        of_a = session_query.of_charger(connection, "a", the_day)
        assert of_a is not None
        assert of_a.unreadable or session_query.damaged_days(connection, the_day)
        assert not session_pages.newest_of(connection, ("a",), the_day, 10).is_complete
        assert not session_pages.newest(connection, the_day, 10).is_complete
        assert not session_pages.totals(connection, ("a",), the_day).is_complete


def test_a_missing_session_that_began_at_the_instant_of_the_cursor_is_detected(folder: Path) -> None:
    midnight = NOON + DAY / 2
    with closing(StateStore.open(folder)) as opened:
        opened.commit({charger_id: state_with(session(1, midnight)) for charger_id in ("a", "b")})
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        database.execute("DELETE FROM sessions WHERE charger = 1")
        database.commit()
    with open_to_read(folder / STATE_FILE) as connection:
        page = session_pages.newest(connection, Period(), 10, Cursor(midnight, "b", 1))
        assert not page.sessions
        assert not page.is_complete


def test_other_days_are_not_reported(folder: Path) -> None:
    with closing(StateStore.open(folder)) as opened:
        opened.commit({"a": state_with(session(1), session(2, NOON + DAY))})
    with closing(sqlite3.connect(folder / STATE_FILE)) as database:
        database.execute("DELETE FROM sessions WHERE number = 2")
        database.commit()
    with open_to_read(folder / STATE_FILE) as connection:
        assert session_query.damaged_days(connection, Period(until=NOON + 1)) == []
        assert session_query.damaged_days(connection, Period()) == [NOON // DAY + 1]


def test_neither_retention_nor_removal_of_a_charger_is_reported_as_damage(folder: Path) -> None:
    now = time.time()
    old = [session(number, now - (10 - number) * DAY) for number in range(1, 10)]
    with closing(StateStore.open(folder, retention_days=5)) as opened:
        opened.commit({"a": state_with(*old), "b": state_with(*old), "c": state_with(*old[5:])})
        opened.forget("b")
    with open_to_read(folder / STATE_FILE) as connection:
        assert len(listed(folder)) == 5
        assert session_query.damaged_days(connection, Period()) == []
        assert len(connection.execute("SELECT * FROM days").fetchall()) == 5


def test_a_repeated_commit_is_not_reported_as_damage(folder: Path, opened: StateStore) -> None:
    for _ in range(2):
        opened.commit({"a": state_with(session(1))})
    with open_to_read(folder / STATE_FILE) as connection:
        assert session_query.damaged_days(connection, Period()) == []
