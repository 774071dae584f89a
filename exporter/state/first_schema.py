"""What schema 1 of the state file kept of a charger: the meter's fields without names, as a JSON array."""

import sqlite3
from collections.abc import Iterator

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.meter import MeterState
from exporter.state.charger_rows import checked_rows


class _Meter(msgspec.Struct, array_like=True):
    total_joules: int | None
    session_joules: int | None
    sessions: int
    session_open: bool
    last_log_unix: float | None
    last_created_unix: float | None
    energy_created_unix: float | None
    # The session before one that a gap alone told of, which the next reading was to confirm.
    replaced_joules: int | None
    replaced_created_unix: float | None


class _State(msgspec.Struct):
    meter: _Meter
    first_seen_unix: float


def rows(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield what is kept of every charger; raise ValueError if a row cannot be trusted."""
    for charger_id, text in checked_rows(connection):
        try:
            state = msgspec.json.decode(text, type=_State)
        except msgspec.DecodeError as error:
            raise ValueError("a row cannot be understood") from error
        yield charger_id, KeptState(_meter(state.meter), state.first_seen_unix)


def _meter(old: _Meter) -> MeterState:
    return MeterState(
        total_joules=old.total_joules,
        session_joules=old.session_joules,
        sessions=old.sessions,
        session_open=old.session_open,
        last_log_unix=old.last_log_unix,
        last_created_unix=old.last_created_unix,
        energy_created_unix=old.energy_created_unix,
        replaced_joules=old.replaced_joules,
        replaced_created_unix=old.replaced_created_unix,
    )
