"""The table of chargers in the state file: one row a charger, as JSON with named fields and a checksum."""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import msgspec

from exporter.charger.charger import KeptState

SCHEMA: Final = """
    CREATE TABLE chargers (
        charger INTEGER PRIMARY KEY,
        charger_id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        checksum INTEGER NOT NULL
    )
"""
# Many rows in one statement cost half as much as one by one.
ROWS_AT_ONCE: Final = 250


def write(connection: sqlite3.Connection, states: Mapping[str, KeptState]) -> None:
    """Replace the rows of these chargers, within the transaction that is open."""
    encoder = msgspec.json.Encoder()
    ids, kept = list(states), list(states.values())
    for first in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[first : first + ROWS_AT_ONCE]
        texts = encoder.encode_lines(kept[first : first + ROWS_AT_ONCE]).splitlines()
        parameters: list[str | int] = []
        for charger_id, text in zip(some, texts, strict=True):
            parameters += (charger_id, text.decode(), checksum(charger_id.encode(), text))
        connection.execute(_upsert(len(some)), parameters)


@cache
def _upsert(count: int) -> str:
    values = ", ".join(["(?, ?, ?)"] * count)
    return (
        f"INSERT INTO chargers (charger_id, state, checksum) VALUES {values}"  # noqa: S608 - question marks only
        " ON CONFLICT (charger_id) DO UPDATE SET state = excluded.state, checksum = excluded.checksum"
    )


def rows(connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """Yield what is kept of every charger; raise ValueError if a row cannot be trusted."""
    for charger_id, text in checked_rows(connection):
        try:
            yield charger_id, msgspec.json.decode(text, type=KeptState)
        except msgspec.DecodeError as error:
            raise ValueError("a row cannot be understood") from error


def checked_rows(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Yield id and JSON of every charger; raise ValueError where the checksum does not fit."""
    for charger_id, text, expected in connection.execute("SELECT charger_id, state, checksum FROM chargers"):
        if not (isinstance(charger_id, bytes) and isinstance(text, bytes)) or checksum(charger_id, text) != expected:
            raise ValueError("the checksum of a row is wrong")
        yield charger_id.decode(), text


def checksum(charger_id: bytes, text: bytes) -> int:
    """The id is part of it: a row that got another charger's id is noticed."""
    return zlib.crc32(text, zlib.crc32(charger_id))
