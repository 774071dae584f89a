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

from exporter.charger.sessions import KnownBy, Session

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
# A sum for each day: rows that are missing or changed are detected without reading all sessions of a charger.
DAYS_SCHEMA: Final = """
    CREATE TABLE days (
        day INTEGER PRIMARY KEY,
        content INTEGER NOT NULL
    )
"""
DAY_SECONDS: Final = 86_400
COLUMNS: Final = "day, number, began_unix, began_by, ended_unix, ended_by, energy_joules, peak_watts, certain, checksum"

# What a row adds to `content` of its day: its checksum, and the columns that queries use before they verify it.
_CONTENT: Final = "checksum + day + charger + number + energy_joules + CAST(began_unix * 1000 AS INTEGER)"
# Does nothing if the row is there already: a commit that was reported as failed may be on disk, and is repeated.
_INSERT: Final = f"""
    INSERT INTO sessions (charger, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING RETURNING {_CONTENT}
"""  # noqa: S608 - names only
_ADD_TO_DAY: Final = """
    INSERT INTO days VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET content = content + excluded.content
"""
# Whether the sessions of `:day` are those that were written, as far as queries do not verify each.
IS_INTACT: Final = f"coalesce(sum({_CONTENT}), 0) = coalesce((SELECT content FROM days WHERE day = :day), 0)"  # noqa: S608

_encode = msgspec.json.Encoder().encode


def write(connection: sqlite3.Connection, sessions: Mapping[str, Iterable[Session]]) -> None:
    """Write these sessions of chargers that the file has, within the transaction that is open."""
    added: dict[int, int] = {}
    for charger_id, settled in sessions.items():
        ((charger,),) = connection.execute("SELECT charger FROM chargers WHERE charger_id = ?", (charger_id,))
        for session in settled:
            values = _values(session)
            day = day_of(session.began_unix)
            row = (charger, day, *values, _checksum(charger_id, values))
            for (content,) in connection.execute(_INSERT, row).fetchall():
                added[day] = added.get(day, 0) + content
    connection.executemany(_ADD_TO_DAY, added.items())


def trim(connection: sqlite3.Connection, before_day: int, at_most: int) -> None:
    """Delete the oldest sessions from before that day, `at_most` at once, within the transaction that is open.

    Their energy is added to `trimmed_joules` of the charger, so that the list still adds up to the counter.
    """
    oldest = f"SELECT day, charger, number FROM sessions WHERE day < {before_day} ORDER BY day LIMIT {at_most}"  # noqa: S608
    chosen = f"(day, charger, number) IN ({oldest})"
    connection.execute(
        f"""
        UPDATE chargers
        SET trimmed_joules = trimmed_joules + old.joules
        FROM (SELECT charger, sum(energy_joules) AS joules FROM sessions WHERE {chosen} GROUP BY charger) AS old
        WHERE chargers.charger = old.charger
        """  # noqa: S608 - numbers only
    )
    _delete(connection, chosen)
    # A damaged row may have left a sum behind.
    connection.execute(
        "DELETE FROM days WHERE day < ? AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.day = days.day)",
        (before_day,),
    )


def delete(connection: sqlite3.Connection, charger_id: str) -> None:
    """Delete all sessions of a charger, within the transaction that is open."""
    _delete(connection, "charger = (SELECT charger FROM chargers WHERE charger_id = ?)", charger_id)


def _delete(connection: sqlite3.Connection, chosen: str, *parameters: str) -> None:
    connection.execute(
        f"""
        UPDATE days
        SET content = content - gone.total
        FROM (SELECT day, sum({_CONTENT}) AS total FROM sessions WHERE {chosen} GROUP BY day) AS gone
        WHERE days.day = gone.day
        """,  # noqa: S608 - names and numbers only
        parameters,
    )
    connection.execute(f"DELETE FROM sessions WHERE {chosen}", parameters)  # noqa: S608 - names and numbers only


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
        began_by=KnownBy(values[2]),
        ended_by=None if values[4] is None else KnownBy(values[4]),
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
