"""The sessions of a charger in a state file, and whether any are missing.

Settled sessions have their own table; those that may still be revised are in the state of their charger. The exporter
cannot commit while a transaction reads, so a transaction reads at most one charger or one day.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from exporter.charger.charger import KeptState
from exporter.charger.clock import rfc3339, rfc3339_if_known
from exporter.charger.energy import JOULES_PER_KWH
from exporter.charger.sessions import Session, in_list
from exporter.state import charger_states
from exporter.state.period import ALL_TIME, Period
from exporter.state.session_rows import COLUMNS, DAY_SECONDS, IS_INTACT, session_of
from exporter.state.state_file import transaction

FIELDS: Final = (
    "charger_id",
    "number",
    "began",
    "ended",
    "energy_joules",
    "energy_kwh",
    "peak_watts",
    "began_by",
    "ended_by",
    "certain",
)

COLUMNS_OF_SESSIONS: Final = ", ".join(f"sessions.{column}" for column in COLUMNS.split(", "))
# One lookup for each day: the key of the table begins with the day.
_OF_CHARGER: Final = f"""
    WITH RECURSIVE days (day) AS (
        SELECT max(:first, (SELECT min(day) FROM sessions))
        UNION ALL SELECT day + 1 FROM days WHERE day < min(:last, (SELECT max(day) FROM sessions))
    )
    SELECT {COLUMNS_OF_SESSIONS} FROM days CROSS JOIN sessions ON sessions.day = days.day
    WHERE sessions.charger = :charger
"""  # noqa: S608 - names only
# Each of the four subqueries is one lookup; `SELECT min(day), max(day)` would read both tables completely.
_FIRST_AND_LAST_DAYS: Final = """
    SELECT (SELECT min(day) FROM sessions WHERE day BETWEEN :first AND :last),
           (SELECT min(day) FROM days WHERE day BETWEEN :first AND :last),
           (SELECT max(day) FROM sessions WHERE day BETWEEN :first AND :last),
           (SELECT max(day) FROM days WHERE day BETWEEN :first AND :last)
"""


@dataclass(frozen=True, slots=True)
class ChargerSessions:
    """The sessions of a charger in a period, oldest first. `unreadable` is the number of damaged rows.

    `joules` is their energy. If the period `is_all_time`, it includes deleted old sessions.
    """

    charger_id: str
    state: KeptState
    sessions: list[Session]
    unreadable: int
    joules: int
    is_all_time: bool

    @property
    def expected_joules(self) -> int:
        """Return the counter as computed from the sessions; they must be complete."""
        meter = self.state.meter
        return meter.start_joules + self.joules - meter.set_aside_joules + meter.excess_joules

    @property
    def agrees(self) -> bool:
        """Return whether the sessions add up to the counter; True if they are not complete."""
        return not self.is_all_time or self.expected_joules == (self.state.meter.total_joules or 0)


def charger_ids(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of all chargers that the file knows, sorted."""
    return sorted(charger_id.decode() for (charger_id,) in connection.execute("SELECT charger_id FROM chargers"))


def of_charger(connection: sqlite3.Connection, charger_id: str, period: Period = ALL_TIME) -> ChargerSessions | None:
    """Return the sessions of one charger, None if the file does not know it; raise ValueError if its row is damaged."""
    with transaction(connection):
        found = charger_states.find(connection, charger_id)
        if found is None:
            return None
        first, last = period.days
        rows = connection.execute(_OF_CHARGER, {"charger": found.charger, "first": first, "last": last}).fetchall()
    sessions, unreadable = readable((charger_id, row) for row in rows)
    # Do not filter by time in the query: a damaged time must not hide a session.
    listed = [session for _, session in sessions if session.began_unix in period]
    listed += (session for session in revisable(found.state) if session.began_unix in period)
    listed.sort(key=lambda session: session.began_unix)
    is_all_time = period == ALL_TIME
    return ChargerSessions(
        charger_id,
        found.state,
        listed,
        unreadable,
        sum(session.energy_joules for session in listed) + (found.trimmed_joules if is_all_time else 0),
        is_all_time,
    )


def days_in(connection: sqlite3.Connection, period: Period) -> range:
    """Return the days of a period from the first to the last that has sessions, or should have some."""
    first, last = period.days
    (days,) = connection.execute(_FIRST_AND_LAST_DAYS, {"first": first, "last": last})
    known = [int(day) for day in days if day is not None]
    return range(min(known), max(known) + 1) if known else range(0)


def damaged_days(connection: sqlite3.Connection, period: Period) -> list[int]:
    """Return the days of a period with missing or damaged settled sessions of any charger."""
    query = f"SELECT {IS_INTACT} FROM sessions WHERE day = :day"  # noqa: S608 - names only
    return [day for day in days_in(connection, period) if not connection.execute(query, {"day": day}).fetchone()[0]]


def revisable(state: KeptState) -> list[Session]:
    """Return the sessions of a charger that are not settled: the running and the previous one."""
    meter = state.meter
    return [session.row() for session in in_list(meter.previous, meter.current)]


def as_document(charger_id: str, session: Session) -> dict[str, Any]:
    """Return a session as a dictionary with FIELDS, for JSON and CSV."""
    values = (
        charger_id,
        session.number,
        rfc3339(session.began_unix, "milliseconds"),
        rfc3339_if_known(session.ended_unix, "milliseconds"),
        session.energy_joules,
        session.energy_joules / JOULES_PER_KWH,
        session.peak_watts,
        session.began_by,
        session.ended_by,
        session.certain,
    )
    return dict(zip(FIELDS, values, strict=True))


def as_day(day: int) -> str:
    """Return a day as RFC 3339."""
    return rfc3339(day * DAY_SECONDS, "seconds")[:10]


def readable(rows: Iterator[tuple[str, tuple[Any, ...]]]) -> tuple[list[tuple[str, Session]], int]:
    """Return the sessions of the rows that can be trusted, and how many cannot."""
    sessions, unreadable = [], 0
    for charger_id, row in rows:
        try:
            sessions.append((charger_id, session_of(charger_id, row)))
        except ValueError:
            unreadable += 1
    return sessions, unreadable
