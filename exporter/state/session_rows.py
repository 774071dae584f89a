"""The table of settled sessions in the state file.

A session is written once, when it is settled; until then it is part of its charger's state. The key begins with the day
on which the session began. So the rows of one commit, of one day and of the oldest days are stored together, and with
millions of rows a commit, a query for a day and a deletion of old rows access few pages.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from exporter.charger.sessions import Session, SessionEvidence

SCHEMA: Final = """
    CREATE TABLE sessions (
        day INTEGER NOT NULL,
        charger INTEGER NOT NULL,
        number INTEGER NOT NULL,
        began_unix REAL NOT NULL,
        began_by TEXT NOT NULL,
        ended_unix REAL,
        ended_by TEXT,
        energy_joules INTEGER NOT NULL,
        peak_watts REAL,
        certain INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (day, charger, number)
    ) WITHOUT ROWID
"""
DAY_SECONDS: Final = 86_400
COLUMNS: Final = "day, number, began_unix, began_by, ended_unix, ended_by, energy_joules, peak_watts, certain, checksum"

_encode = msgspec.json.Encoder().encode


def write(connection: sqlite3.Connection, sessions: Mapping[str, Iterable[Session]]) -> None:
    """Write these sessions of chargers that have a row, within the transaction that is open."""
    for charger_id, settled in sessions.items():
        if not settled:
            continue
        ((charger,),) = connection.execute("SELECT charger FROM chargers WHERE charger_id = ?", (charger_id,))
        for session in settled:
            values = _values(session)
            # REPLACE: a commit may be on disk although it was reported as failed, and is then repeated.
            connection.execute(
                f"INSERT OR REPLACE INTO sessions (charger, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (charger, day_of(session.began_unix), *values, _checksum(charger_id, values)),
            )


def trim(connection: sqlite3.Connection, before_day: int, at_most: int) -> None:
    """Delete the oldest sessions of before that day, within the transaction that is open.

    Their energy is added to `trimmed_joules` of the charger, so that the list still adds up to the counter.
    """
    oldest = f"SELECT day, charger, number FROM sessions WHERE day < {before_day} ORDER BY day LIMIT {at_most}"  # noqa: S608
    connection.execute(
        f"""
        UPDATE chargers
        SET trimmed_joules = trimmed_joules + old.joules
        FROM (
            SELECT charger, sum(energy_joules) AS joules
            FROM sessions WHERE (day, charger, number) IN ({oldest}) GROUP BY charger
        ) AS old
        WHERE chargers.charger = old.charger
        """  # noqa: S608 - numbers only
    )
    connection.execute(f"DELETE FROM sessions WHERE (day, charger, number) IN ({oldest})")  # noqa: S608


def delete(connection: sqlite3.Connection, charger_id: str) -> None:
    """Delete all sessions of a charger, within the transaction that is open."""
    connection.execute(
        "DELETE FROM sessions WHERE charger = (SELECT charger FROM chargers WHERE charger_id = ?)", (charger_id,)
    )


def session_of(charger_id: str, row: tuple[Any, ...]) -> Session:
    """Return the session of a row of COLUMNS; raise ValueError if it is damaged."""
    day, *values, expected = row
    number, began_unix, began_by, ended_unix, ended_by, energy_joules, peak_watts, certain = values
    # The connection returns text as bytes, since damaged text need not be UTF-8.
    values[2], values[4] = _text(began_by), _text(ended_by)
    if _checksum(charger_id, tuple(values)) != expected or day != day_of(began_unix):
        raise ValueError("the checksum of a session is wrong")
    return Session(
        number=number,
        began_unix=began_unix,
        ended_unix=ended_unix,
        energy_joules=energy_joules,
        peak_watts=peak_watts,
        began_by=SessionEvidence(values[2]),
        ended_by=None if values[4] is None else SessionEvidence(values[4]),
        certain=bool(certain),
    )


def day_of(unix: float) -> int:
    """Return the day of a time, in UTC, counted from 1970."""
    return int(unix // DAY_SECONDS)


def _values(session: Session) -> tuple[Any, ...]:
    return (
        session.number,
        float(session.began_unix),
        str(session.began_by),
        None if session.ended_unix is None else float(session.ended_unix),
        None if session.ended_by is None else str(session.ended_by),
        session.energy_joules,
        None if session.peak_watts is None else float(session.peak_watts),
        int(session.certain),
    )


def _text(value: object) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else None


def _checksum(charger_id: str, values: tuple[Any, ...]) -> int:
    """Include the id, to detect a session with another charger."""
    return zlib.crc32(_encode((charger_id, values)))
