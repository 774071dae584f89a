"""What a state file is: the rows, the schema, and whether its content can be trusted.

SQLite notices a page that makes no sense, but not a digit that has changed: every row carries a checksum.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from exporter.charger.charger import KeptState
from exporter.config.files import FileMark, mark_of
from exporter.errors import StateError, cause_of

STATE_FILE: Final = "state.db"
# In one statement many rows cost half as much as one by one; older releases of SQLite take 999 parameters.
ROWS_AT_ONCE: Final = 250
APPLICATION_ID: Final = 0x76654368  # "veCh"
# SQLite keeps its log and the index of that log in files of their own: they are one with the state file.
SUFFIXES: Final = ("", "-wal", "-shm")

# What leads from each schema version to the next. An entry that was released never changes; new ones follow it.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    ("CREATE TABLE chargers (charger_id TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL, checksum INTEGER NOT NULL)",),
)

# Our statements are fixed: where SQLite finds an error in one, the file has not the schema that it claims.
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room on it",
    sqlite3.SQLITE_READONLY: "it is read-only: let the exporter's user write to it and to its folder",
    sqlite3.SQLITE_CANTOPEN: "let the exporter's user read and write it and its folder, and look for a full disk",
    sqlite3.SQLITE_PERM: "let the exporter's user read and write it and its folder",
    sqlite3.SQLITE_IOERR: "the disk fails or is full: look at the system's log",
    sqlite3.SQLITE_BUSY: "another program holds it locked: end that one",
}


class DamagedError(StateError):
    """The content of the state file cannot be trusted."""


def read(folder: Path) -> dict[str, KeptState]:
    """What is kept in `folder`, without a lock and without changing it; raises StateError."""
    file = folder / STATE_FILE
    with in_words(file, "read"):
        _refuse_unreadable(file)
        while True:
            before = _marks(file)
            log = before[1]
            if log is not None and log.size_bytes:
                _refuse_unreadable_log(file)
                return examine(file)
            # Nothing is in the log, so the file is all there is: read as one that nobody writes, it needs neither log
            # nor index, which a read-only folder would not take. If somebody did write, it is read again.
            try:
                kept = examine(file, "ro&immutable=1")
            except DamagedError:
                if _marks(file) == before:
                    raise
            else:
                if _marks(file) == before:
                    return kept


def _refuse_unreadable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except PermissionError as error:
        raise StateError(f"the state file {file} may not be read by this user: ask as the exporter's user") from error
    except FileNotFoundError as error:
        if not exists(file):
            raise StateError(f"there is no state file {file}: look for it with --storage.path") from error


def _refuse_unreadable_log(file: Path) -> None:
    """The newest totals are in the log alone, and SQLite reads none without its index, which it would have to make."""
    log, index = parts_of(file)[1:]
    if not index.exists() and not os.access(file.parent, os.W_OK):
        raise StateError(
            f"the state file {file} cannot be read: its folder is read-only, and the index of its log is not there. "
            f"Copy {file.name} and {log.name} into another folder, and name that with --storage.path"
        )


def _marks(file: Path) -> list[FileMark | None]:
    """Those of the file and its log: nothing is committed without a change of one of them."""
    return [mark_of(part) for part in parts_of(file)[:2]]


def connect(file: Path, mode: str) -> sqlite3.Connection:
    """A connection in which every transaction is begun and ended by hand."""
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    # What is damaged need not be UTF-8.
    connection.text_factory = bytes
    return connection


def examine(file: Path, mode: str = "ro") -> dict[str, KeptState]:
    """The content, looked at without changing it; raises DamagedError if it cannot be trusted."""
    if not file.exists():
        raise DamagedError(f"the state file {file} is gone, though its log is there")
    with in_words(file, "read"), closing(connect(file, mode)) as connection:
        if _pragma(connection, "application_id") != APPLICATION_ID:
            raise DamagedError(f"{file} is no state file of this exporter, or a damaged one")
        faults = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if faults != b"ok":
            raise DamagedError(f"the state file {file} is damaged: its structure does not hold together")
        version = _pragma(connection, "user_version")
        if version > len(MIGRATIONS):
            raise StateError(
                f"the state file {file} was written by a newer exporter (schema {version}, this one knows "
                f"{len(MIGRATIONS)}): run that version, or use another --storage.path"
            )
        if version < 1:
            raise DamagedError(f"the state file {file} is damaged: it has no schema version")
        return dict(rows(file, connection))


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the schema to the newest version, all of the way or not at all."""
    version = _pragma(connection, "user_version")
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    for migration in MIGRATIONS[version:]:
        for statement in migration:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def write(connection: sqlite3.Connection, states: Mapping[str, KeptState]) -> None:
    """Puts these rows in place of the old ones, within the transaction that is open."""
    for count, parameters in _encoded(states):
        connection.execute(_upsert(count), parameters)


@cache
def _upsert(count: int) -> str:
    values = ", ".join(["(?, ?, ?)"] * count)
    return (
        f"INSERT INTO chargers VALUES {values}"  # noqa: S608 - question marks only
        " ON CONFLICT DO UPDATE SET state = excluded.state, checksum = excluded.checksum"
    )


def _encoded(states: Mapping[str, KeptState]) -> Iterator[tuple[int, list[str | int]]]:
    """The parameters of one `_upsert` after the other, and of how many rows each is."""
    encoder = msgspec.json.Encoder()
    ids, kept = list(states), list(states.values())
    for first in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[first : first + ROWS_AT_ONCE]
        texts = encoder.encode_lines(kept[first : first + ROWS_AT_ONCE]).splitlines()
        parameters: list[str | int] = []
        for charger_id, text in zip(some, texts, strict=True):
            parameters += (charger_id, text.decode(), _checksum(charger_id.encode(), text))
        yield len(some), parameters


def rows(file: Path, connection: sqlite3.Connection) -> Iterator[tuple[str, KeptState]]:
    """What is kept of every charger; raises DamagedError."""
    for charger_id, text, checksum in connection.execute("SELECT charger_id, state, checksum FROM chargers"):
        whole = isinstance(charger_id, bytes) and isinstance(text, bytes)
        if not whole or _checksum(charger_id, text) != checksum:
            raise DamagedError(f"the state file {file} is damaged: the checksum of a row is wrong")
        try:
            yield charger_id.decode(), msgspec.json.decode(text, type=KeptState)
        except msgspec.DecodeError as error:
            raise DamagedError(f"the state file {file} is damaged: a row cannot be understood") from error


def _checksum(charger_id: bytes, text: bytes) -> int:
    return zlib.crc32(text, zlib.crc32(charger_id))


def parts_of(file: Path) -> list[Path]:
    """The file itself, its log and the index of that."""
    return [file.with_name(file.name + suffix) for suffix in SUFFIXES]


def exists(file: Path) -> bool:
    """Whether anything of it is there."""
    return any(part.exists() for part in parts_of(file))


@contextmanager
def in_words(file: Path, done: str) -> Iterator[None]:
    """Turns what SQLite and the system say into a StateError that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        # Errors of the library itself have no code; the low byte is the kind, the rest the detail.
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF in _DAMAGE:
            raise DamagedError(f"the state file {file} is damaged: SQLite cannot read it") from error
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        advice = _ADVICE.get(code & 0xFF, "look at the file and its disk")
        raise StateError(f"the state file {file} cannot be {done} ({name}): {advice}") from error
    except OSError as error:
        raise StateError(f"the state file {file} cannot be {done}: {cause_of(error)}") from error
