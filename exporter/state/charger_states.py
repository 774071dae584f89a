"""The chargers in the state file, and their states in blocks of 32, as MessagePack with a checksum.

A row for each state would take twice as long to write: see docs/design.md.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from exporter.charger.charger import KeptState
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

# Does nothing if the charger is there already: a commit that was reported as failed may be on disk, and is repeated.
_INSERT_CHARGER: Final = "INSERT INTO chargers (charger_id, charger) VALUES (?, ?) ON CONFLICT DO NOTHING"
_WRITE_BLOCK: Final = """
    INSERT INTO states VALUES (?, ?, ?)
    ON CONFLICT (block) DO UPDATE SET content = excluded.content, checksum = excluded.checksum
"""
_BLOCK_OF: Final = "SELECT block, content, checksum FROM states WHERE block = ?"
_ALL_BLOCKS: Final = "SELECT block, content, checksum FROM states"


# The states of the chargers of a block, by id.
Block = dict[str, msgspec.Raw]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeptState).decode
_decode_block = msgspec.msgpack.Decoder(Block).decode


@dataclass(frozen=True, slots=True)
class Pending:
    """What a commit writes: new chargers with their numbers, changed blocks with their checksums, settled sessions."""

    chargers: Mapping[str, int]
    blocks: Sequence[tuple[int, bytes, int]]
    sessions: Mapping[str, tuple[Session, ...]]


class ChargerStates:
    """The states of all chargers, encoded, and what of them is not on disk yet.

    A state is encoded and put in its place when it changes. This spreads the work over the time between two scrapes,
    and takes half as long as at the commit, when it is no longer in the processor's cache.
    """

    def __init__(self, numbers: dict[str, int] | None = None, blocks: dict[int, Block] | None = None) -> None:
        self._numbers = numbers or {}
        self._blocks = blocks or {}
        self._next_number = max(self._numbers.values(), default=0) + 1
        self._new: dict[str, int] = {}
        self._changed: set[int] = set()
        self._sessions: dict[str, tuple[Session, ...]] = {}

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Self:
        """Return what the file has; raise ValueError if a block is damaged."""
        found = connection.execute("SELECT charger_id, charger FROM chargers")
        numbers = {charger_id.decode(errors="replace"): number for charger_id, number in found}
        return cls(numbers, dict(blocks_of(connection)))

    def put(self, charger_id: str, state: KeptState) -> None:
        """Write this state, and its sessions, with the next commit."""
        own = KeptState(state.meter, state.first_seen_unix) if state.sessions else state
        content = msgspec.Raw(_encode(own))
        number = self._numbers.get(charger_id)
        if number is None:
            number = self._numbers[charger_id] = self._new[charger_id] = self._next_number
            self._next_number += 1
        block = number // CHARGERS_PER_BLOCK
        self._blocks.setdefault(block, {})[charger_id] = content
        self._changed.add(block)
        if state.sessions:
            self._sessions[charger_id] = state.sessions
        else:
            self._sessions.pop(charger_id, None)

    def put_all(self, states: Mapping[str, KeptState]) -> None:
        """Write these states with the next commit."""
        for charger_id, state in states.items():
            self.put(charger_id, state)

    def remove(self, charger_id: str) -> int | None:
        """Remove a charger: the next commit writes its block without it. Return its number, None if it is not known."""
        number = self._numbers.pop(charger_id, None)
        self._new.pop(charger_id, None)
        self._sessions.pop(charger_id, None)
        if number is not None:
            block = number // CHARGERS_PER_BLOCK
            del self._blocks[block][charger_id]
            self._changed.add(block)
        return number

    def take(self) -> Pending:
        """Return what is not on disk. If it is not written, call `put_back`."""
        contents = [(block, _encode(self._blocks[block])) for block in sorted(self._changed)]
        blocks = [(block, content, _checksum(block, content)) for block, content in contents]
        pending = Pending(self._new, blocks, self._sessions)
        self._new, self._changed, self._sessions = {}, set(), {}
        return pending

    def put_back(self, pending: Pending) -> None:
        """Write this with the next commit, except what has changed since then."""
        self._new = {**pending.chargers, **self._new}
        self._changed.update(block for block, _, _ in pending.blocks)
        self._sessions = {**pending.sessions, **self._sessions}


def write(connection: sqlite3.Connection, pending: Pending) -> None:
    """Write chargers and their states, within the transaction that is open."""
    connection.executemany(_INSERT_CHARGER, pending.chargers.items())
    connection.executemany(_WRITE_BLOCK, pending.blocks)


def states(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield all states, within the transaction that is open; raise ValueError if the file is damaged."""
    if schema_version(connection) < SCHEMA_VERSION:
        yield from schema_versions.states(connection)
        return
    expected: dict[int, set[str]] = {}
    for charger_id, number in connection.execute("SELECT charger_id, charger FROM chargers"):
        expected.setdefault(number // CHARGERS_PER_BLOCK, set()).add(charger_id.decode(errors="replace"))
    for block, content in blocks_of(connection):
        if content.keys() != expected.pop(block, set()):
            raise ValueError("a block lacks the state of a charger, or has one of a charger that is not in the list")
        for charger_id, state in content.items():
            yield charger_id, decode_state(state)
    if expected:
        raise ValueError("a block of states is missing")


@dataclass(frozen=True, slots=True)
class ChargerRow:
    """One charger: `charger` is its number in the file, `trimmed_joules` the sum of its deleted sessions."""

    charger: int
    state: KeptState
    trimmed_joules: int


def find(connection: sqlite3.Connection, charger_id: str) -> ChargerRow | None:
    """Return one charger, None if the file does not have it; raise ValueError if its block is damaged."""
    query = "SELECT charger, trimmed_joules FROM chargers WHERE charger_id = ?"
    found = connection.execute(query, (charger_id,)).fetchone()
    if found is None:
        return None
    charger, trimmed_joules = found
    if schema_version(connection) < SCHEMA_VERSION:
        return ChargerRow(charger, schema_versions.state_of(connection, charger_id), trimmed_joules)
    for _, content in blocks_of(connection, charger // CHARGERS_PER_BLOCK):
        if charger_id in content:
            return ChargerRow(charger, decode_state(content[charger_id]), trimmed_joules)
    raise ValueError("the state of a charger is missing")


def decode_state(content: msgspec.Raw) -> KeptState:
    """Decode the state of a charger; raise ValueError."""
    try:
        return _decode(content)
    except msgspec.DecodeError as error:
        raise ValueError("a state cannot be decoded") from error


def decode_block(content: bytes) -> Block:
    """Return the encoded states of a block by charger id; raise ValueError."""
    try:
        return _decode_block(content)
    except msgspec.DecodeError as error:
        raise ValueError("a block cannot be decoded") from error


def blocks_of(connection: sqlite3.Connection, only: int | None = None) -> Iterator[tuple[int, Block]]:
    """Yield the number and content of all blocks, or of one; raise ValueError if one is damaged."""
    query, parameters = (_ALL_BLOCKS, ()) if only is None else (_BLOCK_OF, (only,))
    for block, content, expected in connection.execute(query, parameters):
        if not isinstance(content, bytes) or _checksum(block, content) != expected:
            raise ValueError("the checksum of a block is wrong")
        yield block, decode_block(content)


def _checksum(block: int, content: bytes) -> int:
    """Return the checksum of a block. It includes the number, to detect a block in the place of another one."""
    return zlib.crc32(content, block)
