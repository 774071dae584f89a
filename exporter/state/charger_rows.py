"""The table of chargers in the state file: one row per charger, as MessagePack with named fields and a checksum.

MessagePack takes a third of the time of JSON, mostly for numbers with a fraction.
"""

import math
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.meter_state import Totals
from exporter.charger.sessions import Session

SCHEMA: Final = """
    CREATE TABLE chargers (
        charger INTEGER PRIMARY KEY,
        charger_id TEXT NOT NULL UNIQUE,
        state BLOB NOT NULL,
        checksum INTEGER NOT NULL,
        trimmed_joules INTEGER NOT NULL DEFAULT 0
    )
"""
# Rows per statement: many in one cost half as much as one by one. A few sizes, since each is a statement that is kept.
ROWS_AT_ONCE: Final = (512, 64, 8, 1)


class Row(msgspec.Struct, frozen=True, gc=False):
    """The state of a charger for its row, and the newly settled sessions, which have their own table.

    `totals` may be shown once the row is on disk.
    """

    charger_id: str
    content: bytes
    checksum: int
    totals: Totals
    sessions: tuple[Session, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeptState).decode
# Rows of schema 2 are JSON. A row stays as it is until its charger changes.
_decode_schema_2 = msgspec.json.Decoder(KeptState).decode


def row_of(charger_id: str, state: KeptState) -> Row:
    """Encode the state of a charger."""
    own = KeptState(state.meter, state.first_seen_unix) if state.sessions else state
    content = _encode(own)
    return Row(charger_id, content, checksum(charger_id.encode(), content), state.meter.totals, state.sessions)


def numbers(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of every charger in the file, by its id."""
    found = connection.execute("SELECT charger_id, charger FROM chargers")
    return {charger_id.decode(errors="replace"): number for charger_id, number in found}


def write(connection: sqlite3.Connection, rows: Iterable[Row], known: Mapping[str, int]) -> bool:
    """Write these rows, within the transaction that is open; return whether a charger got its first row.

    `known` are the numbers of the chargers that have a row: a row is found by its number in half the time.
    """
    # In the order of the file, new chargers last: in another order 10,000 rows take twice as long.
    all_rows = sorted(rows, key=lambda row: known.get(row.charger_id, math.inf))
    for group in _groups(all_rows):
        parameters: list[str | bytes | int | None] = []
        for row in group:
            parameters += (known.get(row.charger_id), row.charger_id, row.content, row.checksum)
        connection.execute(_upsert(len(group)), parameters)
    return bool(all_rows) and all_rows[-1].charger_id not in known


def _groups(all_rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Divide rows into groups of the sizes of ROWS_AT_ONCE."""
    done = 0
    for size in ROWS_AT_ONCE:
        while len(all_rows) - done >= size:
            yield all_rows[done : done + size]
            done += size


@cache
def _upsert(count: int) -> str:
    values = ", ".join(["(?, ?, ?, ?)"] * count)
    return (
        f"INSERT INTO chargers (charger, charger_id, state, checksum) VALUES {values}"  # noqa: S608 - question marks only
        " ON CONFLICT (charger) DO UPDATE SET state = excluded.state, checksum = excluded.checksum"
    )


def rows(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield the state of every charger; raise ValueError if a row is damaged."""
    for charger_id, content in checked_rows(connection):
        yield charger_id, state_of(content)


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
    charger, content, expected, trimmed_joules = found
    if not isinstance(content, bytes) or checksum(charger_id.encode(), content) != expected:
        raise ValueError("the checksum of a row is wrong")
    return ChargerRow(charger, state_of(content), trimmed_joules)


def checked_rows(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Yield id and content of every row; raise ValueError if a checksum is wrong."""
    for charger_id, content, expected in connection.execute("SELECT charger_id, state, checksum FROM chargers"):
        is_blob = isinstance(charger_id, bytes) and isinstance(content, bytes)
        if not is_blob or checksum(charger_id, content) != expected:
            raise ValueError("the checksum of a row is wrong")
        yield charger_id.decode(), content


def state_of(content: bytes) -> KeptState:
    """Decode the content of a row; raise ValueError."""
    try:
        return _decode_schema_2(content) if content.startswith(b"{") else _decode(content)
    except msgspec.DecodeError as error:
        raise ValueError("a row cannot be decoded") from error


def checksum(charger_id: bytes, content: bytes) -> int:
    """Return the checksum of a row. It includes the id, to detect a row with another charger's id."""
    return zlib.crc32(content, zlib.crc32(charger_id))
