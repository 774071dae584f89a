"""What schema 1 of the state file kept of a charger: the meter's fields without names, as a JSON array."""

import sqlite3
from collections.abc import Iterator

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.decision_input import Evidence
from exporter.charger.log_order import LogOrderState
from exporter.charger.meter_state import MeterState
from exporter.charger.sessions import KnownBy, RunningSession
from exporter.state.charger_rows import checked_rows


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


def rows(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield what is kept of every charger; raise ValueError if a row cannot be trusted."""
    for charger_id, text in checked_rows(connection):
        try:
            state = msgspec.json.decode(text, type=_State)
        except msgspec.DecodeError as error:
            raise ValueError("a row cannot be understood") from error
        yield charger_id, KeptState(_meter(state.meter), state.first_seen_unix)


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
