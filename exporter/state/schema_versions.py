"""The version of the schema, and the states of chargers in files of earlier versions, which have a row per charger.

Version 1 has the meter's fields without names, as a JSON array. Versions 2 and 3 have all fields with their names, as
JSON and as MessagePack.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.decision_input import Evidence
from exporter.charger.log_order import LogOrderState
from exporter.charger.meter_state import MeterState
from exporter.charger.sessions import KnownBy, RunningSession

SCHEMA_VERSION: Final = 4


class _Meter(msgspec.Struct, array_like=True):
    total_joules: int | None
    session_joules: int | None
    sessions: int
    session_open: bool
    last_log_unix: float | None
    last_created_unix: float | None
    energy_created_unix: float | None
    # The session before a new one whose only evidence was a gap; the next reading had to confirm the new one.
    replaced_joules: int | None
    replaced_created_unix: float | None


class _State(msgspec.Struct):
    meter: _Meter
    first_seen_unix: float


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version of the file's schema."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def states(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield the state of every charger; raise ValueError if a row is damaged."""
    version = schema_version(connection)
    for row in connection.execute("SELECT charger_id, state, checksum FROM chargers"):
        yield _state_of(version, *row)


def state_of(connection: sqlite3.Connection, charger_id: str) -> KeptState:
    """Return the state of a charger that the file has; raise ValueError if its row is damaged."""
    query = "SELECT charger_id, state, checksum FROM chargers WHERE charger_id = ?"
    row = connection.execute(query, (charger_id,)).fetchone()
    return _state_of(schema_version(connection), *row)[1]


def replace_chargers(connection: sqlite3.Connection, schema: str) -> None:
    """Replace the table of version 2 or 3 by one without states, within the transaction that is open.

    To drop the columns would leave its pages mostly empty.
    """
    connection.execute("ALTER TABLE chargers RENAME TO older")
    connection.execute(schema)
    connection.execute("INSERT INTO chargers SELECT charger, charger_id, trimmed_joules FROM older")
    connection.execute("DROP TABLE older")


def _state_of(version: int, charger_id: Any, content: Any, expected: int) -> tuple[str, KeptState]:
    are_bytes = isinstance(charger_id, bytes) and isinstance(content, bytes)
    if not are_bytes or zlib.crc32(content, zlib.crc32(charger_id)) != expected:
        raise ValueError("the checksum of a row is wrong")
    try:
        return charger_id.decode(), _first_version(content) if version == 1 else _with_names(content)
    except msgspec.MsgspecError as error:
        raise ValueError("a row cannot be decoded") from error


def _with_names(content: bytes) -> KeptState:
    # A row of version 3 whose charger had not changed since version 2 is JSON.
    is_json = content.startswith(b"{")
    text = content if is_json else msgspec.json.encode(msgspec.msgpack.decode(content))
    fields = json.loads(text, object_hook=lambda named: SimpleNamespace(**named))
    return msgspec.convert(fields, KeptState, from_attributes=True)


def _first_version(text: bytes) -> KeptState:
    state = msgspec.json.decode(text, type=_State)
    return KeptState(_meter(state.meter), state.first_seen_unix)


def _meter(old: _Meter) -> MeterState:
    """Return the meter. Its list has only the sessions that may still be revised; all earlier energy is its start."""
    read_at = old.energy_created_unix or old.last_log_unix or 0.0
    current, previous, sessions = None, None, old.sessions
    if old.replaced_joules is not None:
        previous = _session(old.replaced_joules, old.replaced_created_unix or read_at, sessions)
        sessions += 1
    if old.session_joules is not None:
        current = _session(old.session_joules, read_at, sessions)
    revisable = sum(session.counted for session in (current, previous) if session)
    return MeterState(
        total_joules=old.total_joules,
        start_joules=(old.total_joules or 0) - revisable,
        sessions=sessions,
        listed_sessions=sessions,
        last_session_number=sessions,
        current=current,
        previous=previous,
        evidence=0 if old.session_open else int(Evidence.OFF),
        logs=LogOrderState(created=old.last_created_unix, time=old.last_log_unix, received=old.last_log_unix or 0.0),
    )


def _session(energy: int, at: float, number: int) -> RunningSession:
    """Return a session whose times are not known. The energy of one without a number is set aside: it did not count."""
    return RunningSession(
        energy,
        at,
        at,
        at,
        KnownBy.ASSUMED,
        number=number,
        set_aside=0 if number else energy,
        certain=False,
    )
