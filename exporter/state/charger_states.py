"""The chargers in the state file and their states: a row for 32 chargers, as MessagePack with a checksum.

A row for each charger would take four times as long to write, and twice as long to send to the disk.
"""

import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.meter_state import Totals
from exporter.charger.sessions import Session
from exporter.state import schema_versions
from exporter.state.schema_versions import SCHEMA_VERSION, schema_version

SCHEMA: Final = """
    CREATE TABLE chargers (
        charger INTEGER PRIMARY KEY,
        charger_id TEXT NOT NULL UNIQUE,
        trimmed_joules INTEGER NOT NULL DEFAULT 0
    )
"""
STATES_SCHEMA: Final = """
    CREATE TABLE states (
        block INTEGER PRIMARY KEY,
        content BLOB NOT NULL,
        checksum INTEGER NOT NULL
    )
"""
# A block has the chargers whose numbers follow each other.
CHARGERS_PER_BLOCK: Final = 32

_INSERT_CHARGER: Final = "INSERT INTO chargers (charger, charger_id) VALUES (?, ?)"
_WRITE_BLOCK: Final = """
    INSERT INTO states VALUES (?, ?, ?)
    ON CONFLICT (block) DO UPDATE SET content = excluded.content, checksum = excluded.checksum
"""
_BLOCK_OF: Final = "SELECT block, content, checksum FROM states WHERE block = ?"
_ALL_BLOCKS: Final = "SELECT block, content, checksum FROM states"


class Row(msgspec.Struct, frozen=True, gc=False):
    """The state of a charger as it is stored, and the newly settled sessions, which have their own table.

    `totals` may be shown once the state is on disk.
    """

    charger_id: str
    content: msgspec.Raw
    totals: Totals
    sessions: tuple[Session, ...]


# The states of the chargers of a block, by id.
Block = dict[str, msgspec.Raw]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeptState).decode
_decode_block = msgspec.msgpack.Decoder(Block).decode


@dataclass(slots=True)
class Written:
    """What the file has: the number of each charger, and the content of each block."""

    numbers: dict[str, int] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)


def row_of(charger_id: str, state: KeptState) -> Row:
    """Encode the state of a charger."""
    own = KeptState(state.meter, state.first_seen_unix) if state.sessions else state
    return Row(charger_id, msgspec.Raw(_encode(own)), state.meter.totals, state.sessions)


def written(connection: sqlite3.Connection) -> Written:
    """Return what the file has; raise ValueError if a row is damaged."""
    found = connection.execute("SELECT charger_id, charger FROM chargers")
    numbers = {charger_id.decode(errors="replace"): number for charger_id, number in found}
    return Written(numbers, dict(_blocks(connection)))


def write(connection: sqlite3.Connection, rows: Collection[Row], known: Written) -> None:
    """Write these rows, within the transaction that is open.

    `known` is what the file has, and has these rows afterwards. If the transaction fails, it is no longer true.
    """
    new = [row.charger_id for row in rows if row.charger_id not in known.numbers]
    known.numbers.update(zip(new, count(max(known.numbers.values(), default=0) + 1)))
    connection.executemany(_INSERT_CHARGER, [(known.numbers[charger_id], charger_id) for charger_id in new])
    changed = set()
    for row in rows:
        block = known.numbers[row.charger_id] // CHARGERS_PER_BLOCK
        known.blocks.setdefault(block, {})[row.charger_id] = row.content
        changed.add(block)
    _write_blocks(connection, changed, known)


def forget(connection: sqlite3.Connection, charger_id: str, known: Written) -> None:
    """Delete a charger, if the file has it, within the transaction that is open. `known` is as in `write`."""
    number = known.numbers.pop(charger_id, None)
    if number is None:
        return
    connection.execute("DELETE FROM chargers WHERE charger = ?", (number,))
    block = number // CHARGERS_PER_BLOCK
    del known.blocks[block][charger_id]
    _write_blocks(connection, {block}, known)


def _write_blocks(connection: sqlite3.Connection, changed: Iterable[int], known: Written) -> None:
    contents = [(block, _encode(known.blocks[block])) for block in sorted(changed)]
    connection.executemany(_WRITE_BLOCK, [(block, content, _checksum(block, content)) for block, content in contents])


def states(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield the state of every charger; raise ValueError if a row is damaged."""
    if schema_version(connection) < SCHEMA_VERSION:
        yield from schema_versions.states(connection)
        return
    expected: dict[int, set[str]] = {}
    for charger_id, number in connection.execute("SELECT charger_id, charger FROM chargers"):
        expected.setdefault(number // CHARGERS_PER_BLOCK, set()).add(charger_id.decode(errors="replace"))
    for block, content in _blocks(connection):
        if content.keys() != expected.pop(block, set()):
            raise ValueError("a row has the states of other chargers")
        for charger_id, state in content.items():
            yield charger_id, state_of(state)
    if expected:
        raise ValueError("a row is missing")


@dataclass(frozen=True, slots=True)
class ChargerRow:
    """One charger: `charger` is its number in the file, `trimmed_joules` the sum of its deleted sessions."""

    charger: int
    state: KeptState
    trimmed_joules: int


def find(connection: sqlite3.Connection, charger_id: str) -> ChargerRow | None:
    """Return one charger, None if the file does not have it; raise ValueError if its row is damaged."""
    query = "SELECT charger, trimmed_joules FROM chargers WHERE charger_id = ?"
    found = connection.execute(query, (charger_id,)).fetchone()
    if found is None:
        return None
    charger, trimmed_joules = found
    if schema_version(connection) < SCHEMA_VERSION:
        return ChargerRow(charger, schema_versions.state_of(connection, charger_id), trimmed_joules)
    for _, content in _blocks(connection, charger // CHARGERS_PER_BLOCK):
        if charger_id in content:
            return ChargerRow(charger, state_of(content[charger_id]), trimmed_joules)
    raise ValueError("the row of a charger is missing")


def state_of(content: msgspec.Raw) -> KeptState:
    """Decode the state of a charger; raise ValueError."""
    try:
        return _decode(content)
    except msgspec.DecodeError as error:
        raise ValueError("a state cannot be decoded") from error


def _blocks(connection: sqlite3.Connection, only: int | None = None) -> Iterator[tuple[int, Block]]:
    """Yield the number and content of all blocks, or of one; raise ValueError if one is damaged."""
    query, parameters = (_ALL_BLOCKS, ()) if only is None else (_BLOCK_OF, (only,))
    for block, content, expected in connection.execute(query, parameters):
        if not isinstance(content, bytes) or _checksum(block, content) != expected:
            raise ValueError("the checksum of a row is wrong")
        try:
            yield block, _decode_block(content)
        except msgspec.DecodeError as error:
            raise ValueError("a row cannot be decoded") from error


def _checksum(block: int, content: bytes) -> int:
    """Return the checksum of a row. It includes the number, to detect a row in the place of another one."""
    return zlib.crc32(content, block)
