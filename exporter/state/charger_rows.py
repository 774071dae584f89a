"""The table of chargers in the state file: one row per charger, as JSON with named fields and a checksum."""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.meter_state import MeterState

SCHEMA: Final = """
    CREATE TABLE chargers (
        charger INTEGER PRIMARY KEY,
        charger_id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        trimmed_joules INTEGER NOT NULL DEFAULT 0
    )
"""
# Many rows in one statement cost half as much as one by one.
ROWS_AT_ONCE: Final = 250


class _Row(msgspec.Struct, gc=False):
    """The JSON of a row: a KeptState without its sessions, which have their own table."""

    meter: MeterState
    first_seen_unix: float


def numbers(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of every charger in the file, by its id."""
    found = connection.execute("SELECT charger_id, charger FROM chargers")
    return {charger_id.decode(errors="replace"): number for charger_id, number in found}


def write(connection: sqlite3.Connection, states: Mapping[str, KeptState], known: Mapping[str, int]) -> None:
    """Replace the rows of these chargers, within the transaction that is open.

    `known` are the numbers of the chargers that have a row: a row is found by its number in half the time.
    """
    encoder = msgspec.json.Encoder()
    ids = list(states)
    kept = [_Row(state.meter, state.first_seen_unix) for state in states.values()]
    for first in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[first : first + ROWS_AT_ONCE]
        texts = encoder.encode_lines(kept[first : first + ROWS_AT_ONCE]).splitlines()
        parameters: list[str | int | None] = []
        for charger_id, text in zip(some, texts, strict=True):
            parameters += (known.get(charger_id), charger_id, text.decode(), checksum(charger_id.encode(), text))
        connection.execute(_upsert(len(some)), parameters)


@cache
def _upsert(count: int) -> str:
    values = ", ".join(["(?, ?, ?, ?)"] * count)
    return (
        f"INSERT INTO chargers (charger, charger_id, state, checksum) VALUES {values}"  # noqa: S608 - question marks only
        " ON CONFLICT (charger) DO UPDATE SET state = excluded.state, checksum = excluded.checksum"
    )


def rows(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield the state of every charger; raise ValueError if a row is damaged."""
    for charger_id, text in checked_rows(connection):
        yield charger_id, _state_of(text)


@dataclass(frozen=True, slots=True)
class ChargerRow:
    """The row of one charger: `charger` is its number in the file, `trimmed_joules` the sum of its deleted sessions."""

    charger: int
    state: KeptState
    trimmed_joules: int


def find(connection: sqlite3.Connection, charger_id: str) -> ChargerRow | None:
    """Return the row of one charger, None if there is none; raise ValueError if it is damaged."""
    found = connection.execute(
        "SELECT charger, state, checksum, trimmed_joules FROM chargers WHERE charger_id = ?",
        (charger_id,),
    ).fetchone()
    if found is None:
        return None
    charger, text, expected, trimmed_joules = found
    if not isinstance(text, bytes) or checksum(charger_id.encode(), text) != expected:
        raise ValueError("the checksum of a row is wrong")
    return ChargerRow(charger, _state_of(text), trimmed_joules)


def checked_rows(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Yield id and JSON of every charger; raise ValueError if a checksum is wrong."""
    for charger_id, text, expected in connection.execute("SELECT charger_id, state, checksum FROM chargers"):
        if not (isinstance(charger_id, bytes) and isinstance(text, bytes)) or checksum(charger_id, text) != expected:
            raise ValueError("the checksum of a row is wrong")
        yield charger_id.decode(), text


def _state_of(text: bytes) -> KeptState:
    try:
        row = msgspec.json.decode(text, type=_Row)
    except msgspec.DecodeError as error:
        raise ValueError("a row cannot be decoded") from error
    return KeptState(row.meter, row.first_seen_unix)


def checksum(charger_id: bytes, text: bytes) -> int:
    """Return the checksum of a row. It includes the id, to detect a row with another charger's id."""
    return zlib.crc32(text, zlib.crc32(charger_id))
