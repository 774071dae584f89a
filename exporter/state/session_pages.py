"""Pages and totals of the list of sessions, for the web API.

The exporter cannot commit while a transaction reads, so a transaction reads at most one charger, one page or one day.
"""

import math
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.charger.sessions import Session
from exporter.state import charger_states
from exporter.state.period import ALL_TIME, Period
from exporter.state.session_query import (
    COLUMNS_OF_SESSIONS,
    ChargerSessions,
    damaged_days,
    days_in,
    of_charger,
    readable,
    revisable,
)
from exporter.state.session_rows import IS_INTACT
from exporter.state.state_file import transaction

_PAGE: Final = f"""
    SELECT charger_id, {COLUMNS_OF_SESSIONS} FROM sessions JOIN chargers USING (charger)
    WHERE day BETWEEN :first AND :last AND began_unix >= :since AND began_unix < :until
    AND (began_unix, charger_id, number) < (:began_unix, :charger_id, :number)
    ORDER BY day DESC, began_unix DESC, charger_id DESC, number DESC LIMIT :limit
"""  # noqa: S608 - names only
_OF_DAY: Final = f"""
    SELECT count(*) FILTER (WHERE began_unix >= :since AND began_unix < :until),
           coalesce(sum(energy_joules) FILTER (WHERE began_unix >= :since AND began_unix < :until), 0),
           {IS_INTACT}
    FROM sessions WHERE day = :day
"""  # noqa: S608 - names only


class Cursor(NamedTuple):
    """The position of a session in the list, which is the sort key of its row: a page begins after it."""

    began_unix: float
    charger_id: str
    number: int


# The list is sorted in descending order.
START: Final = Cursor(float("inf"), "", 0)


@dataclass(frozen=True, slots=True)
class Page:
    """Pairs of charger id and session, newest first; `more` is true if others follow.

    `is_complete` is false if sessions are missing or damaged.
    """

    sessions: list[tuple[str, Session]]
    more: bool
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """Number and energy of the sessions of a period; `is_complete` is false if sessions are missing or damaged."""

    sessions: int
    joules: int
    is_complete: bool


def newest(connection: sqlite3.Connection, period: Period, limit: int, after: Cursor = START) -> Page:
    """Return a page of the sessions of all chargers; raise ValueError if the row of a charger is damaged."""
    with transaction(connection):
        settled, unreadable = _settled(connection, period, limit + 1, after)
        not_settled = _not_settled(connection, period)
    sessions = settled + [each for each in not_settled if cursor_of(*each) < after]
    chosen, more = _page(sessions, unreadable, limit)
    is_complete = not unreadable and not damaged_days(connection, _covered(chosen, period, after, more=more))
    return Page(chosen, more, is_complete)


def newest_of(
    connection: sqlite3.Connection, charger_ids: Iterable[str], period: Period, limit: int, after: Cursor = START
) -> Page:
    """Return a page of the sessions of these chargers; raise ValueError if the row of a charger is damaged."""
    found = _of_chargers(connection, charger_ids, period)
    sessions = [
        (each.charger_id, session)
        for each in found
        for session in each.sessions
        if cursor_of(each.charger_id, session) < after
    ]
    unreadable = sum(each.unreadable for each in found)
    chosen, more = _page(sessions, unreadable, limit)
    return Page(chosen, more, _are_complete(connection, found, period))


def totals(connection: sqlite3.Connection, charger_ids: Iterable[str], period: Period) -> Totals:
    """Return number and energy of the sessions of these chargers in a period."""
    found = _of_chargers(connection, charger_ids, period)
    sessions = [session for each in found for session in each.sessions]
    joules = sum(session.energy_joules for session in sessions)
    return Totals(len(sessions), joules, _are_complete(connection, found, period))


def totals_of_all(connection: sqlite3.Connection, period: Period) -> Totals:
    """Return number and energy of the sessions of all chargers in a period."""
    with transaction(connection):
        not_settled = _not_settled(connection, period)
    count, joules, is_complete = len(not_settled), sum(session.energy_joules for _, session in not_settled), True
    for day in days_in(connection, period):
        parameters = {"day": day, "since": period.since, "until": period.until}
        ((settled, energy, is_intact),) = connection.execute(_OF_DAY, parameters)
        count, joules, is_complete = count + settled, joules + energy, is_complete and bool(is_intact)
    return Totals(count, joules, is_complete)


def cursor_of(charger_id: str, session: Session) -> Cursor:
    """Return the position of a session in the list."""
    return Cursor(session.began_unix, charger_id, session.number)


def _settled(
    connection: sqlite3.Connection, period: Period, at_most: int, after: Cursor
) -> tuple[list[tuple[str, Session]], int]:
    """Return the settled sessions after the cursor, newest first, and how many rows are damaged."""
    parameters = {**period.parameters, **after._asdict(), "limit": at_most}
    rows = connection.execute(_PAGE, parameters).fetchall()
    return readable((charger_id.decode(), tuple(row)) for charger_id, *row in rows)


def _not_settled(connection: sqlite3.Connection, period: Period) -> list[tuple[str, Session]]:
    """Return all sessions of a period that may still be revised, within the transaction that is open."""
    return [
        (charger_id, session)
        for charger_id, state in charger_states.states(connection)
        for session in revisable(state)
        if session.began_unix in period
    ]


def _covered(chosen: list[tuple[str, Session]], period: Period, after: Cursor, *, more: bool) -> Period:
    """Return the period that a page covers: from its last session, or from the beginning, to the cursor."""
    # A session that began at the same instant may follow.
    until = min(period.until, math.nextafter(after.began_unix, math.inf))
    if not more:
        return Period(period.since, until)
    return Period(chosen[-1][1].began_unix if chosen else until, until)


def _of_chargers(connection: sqlite3.Connection, charger_ids: Iterable[str], period: Period) -> list[ChargerSessions]:
    found = (of_charger(connection, charger_id, period) for charger_id in charger_ids)
    return [each for each in found if each is not None]


def _are_complete(connection: sqlite3.Connection, found: list[ChargerSessions], period: Period) -> bool:
    if any(each.unreadable or not each.agrees for each in found):
        return False
    return period == ALL_TIME or not damaged_days(connection, period)


def _page(sessions: list[tuple[str, Session]], unreadable: int, limit: int) -> tuple[list[tuple[str, Session]], bool]:
    """Return the sessions of a page, and whether others follow."""
    newest_first = sorted(sessions, key=lambda each: cursor_of(*each), reverse=True)
    return newest_first[:limit], len(sessions) + unreadable > limit
