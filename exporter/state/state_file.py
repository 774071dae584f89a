"""The state file: opens it and verifies its content.

It is a SQLite database with a rollback journal: between commits it is one file, which can be copied and can be read in
a read-only folder. SQLite detects a page with an invalid structure, but not a changed digit, so blocks of states and
sessions have checksums.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from exporter.charger.charger import KeptState
from exporter.errors import StateError, cause_of
from exporter.state import charger_states, session_rows
from exporter.state.schema_versions import SCHEMA_VERSION, schema_version

STATE_FILE: Final = "state.db"
APPLICATION_ID: Final = 0x76654368  # "veCh"
# With SQLite's 4096 bytes a commit of ten thousand chargers takes 7 % longer.
PAGE_BYTES: Final = 16_384
SCHEMA: Final = (charger_states.SCHEMA, charger_states.STATES_SCHEMA, session_rows.SCHEMA, session_rows.DAYS_SCHEMA)
# Room for the states of 10,000 chargers, so that a commit need not read them from the file.
CACHE_KIB: Final = 8192
# Suffixes of SQLite's files: the database, its journal, and for schema 1 the write-ahead log and its index.
SUFFIXES: Final = ("", "-journal", "-wal", "-shm")

_MAGIC: Final = b"SQLite format 3\0"
_APPLICATION_ID_AT: Final = slice(68, 72)
# SQLITE_ERROR too: the statements are fixed, so an error in one means that the file does not have its schema.
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_INTERRUPTED: Final = (
    "a commit was interrupted, and undoing it needs write access to the file and its folder: read it as a user who may "
    "write there, or read a copy of the folder"
)
_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room on it",
    sqlite3.SQLITE_READONLY: "it is read-only: let the exporter's user write to it and to its folder",
    sqlite3.SQLITE_CANTOPEN: "let the exporter's user read and write it and its folder, and look for a full disk",
    sqlite3.SQLITE_PERM: "let the exporter's user read and write it and its folder",
    sqlite3.SQLITE_IOERR: "the disk fails or is full: look at the system's log",
    sqlite3.SQLITE_BUSY: "another program has locked it: end that program",
    sqlite3.SQLITE_READONLY_ROLLBACK: _INTERRUPTED,
    sqlite3.SQLITE_IOERR_DELETE: _INTERRUPTED,
}


class DamagedError(StateError):
    """The content of the state file cannot be trusted."""


def read(folder: Path) -> dict[str, KeptState]:
    """Return the state of every charger in `folder`; raise StateError."""
    with open_to_read(folder / STATE_FILE) as connection, transaction(connection):
        return load(folder / STATE_FILE, connection)


def copy(source: Path, file: Path) -> None:
    """Copy a state file, also while an exporter writes to it; raise StateError, and leave no part of a copy."""
    with open_to_read(source) as connection:
        try:
            _copy(connection, file)
        except DamagedError as error:  # which names the copy
            raise DamagedError(f"the state file {source} is damaged: SQLite cannot read it") from error


def _copy(connection: sqlite3.Connection, file: Path) -> None:
    with as_state_errors(file, "written"):
        # For its owner alone, as the state file.
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            connection.execute("VACUUM INTO ?", (str(file),))
        except BaseException:
            file.unlink(missing_ok=True)
            raise


@contextmanager
def open_to_read(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a valid state file, also while an exporter writes to it; raise StateError.

    The exporter cannot commit while a transaction reads, so each must be short. The file is not changed, except that a
    commit that was interrupted is undone, as an exporter does at its start.
    """
    with as_state_errors(file, "read"):
        if not exists(file):
            raise StateError(f"state file not found: {file}; name its folder with --storage.path")
        examine_header(file)
        # A read-only connection cannot undo an interrupted commit. SQLite opens a file that is write-protected to read.
        with closing(connect(file, "rw")) as connection:
            examine(file, connection)
            yield connection


def connect(file: Path, mode: str) -> sqlite3.Connection:
    """Open a connection with explicit transactions."""
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    # Damaged text need not be UTF-8.
    connection.text_factory = bytes
    # Otherwise rows of a page with a wrong number of rows may not be found, without an error.
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def connect_to_write(file: Path) -> sqlite3.Connection:
    """Open a connection for commits, which are on disk when they return."""
    connection = connect(file, "rw")
    # End a commit by overwriting the head of the journal. Removing the journal and creating it again takes longer.
    connection.execute("PRAGMA journal_mode = PERSIST")
    # FULL waits for the disk before and after each step; EXTRA also when a journal is removed.
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    # Write each page once, when the transaction ends, however many there are.
    connection.execute("PRAGMA cache_spill = OFF")
    return connection


def close_writer(connection: sqlite3.Connection) -> None:
    """Close the connection and remove its journal. A journal that stays has no effect."""
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "DEFERRED") -> Iterator[None]:
    """Commit the changes of the block, or undo them if it raises."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def examine_header(file: Path) -> None:
    """Raise DamagedError if this is not a database, and StateError if it is another program's.

    The file is not opened as a database: even reading may make SQLite write to one.
    """
    try:
        with file.open("rb") as opened:
            header = opened.read(100)
    except FileNotFoundError as error:
        raise DamagedError(f"the state file {file} is damaged: the file is missing, its journal is not") from error
    if not header.startswith(_MAGIC):
        raise DamagedError(f"the state file {file} is damaged: it is not a SQLite database")
    if int.from_bytes(header[_APPLICATION_ID_AT]) != APPLICATION_ID:
        raise StateError(
            f"{file} is the database of another program, or a state file with a damaged header: use another "
            "--storage.path, or move the file away"
        )


def examine(file: Path, connection: sqlite3.Connection) -> None:
    """Raise DamagedError if the content cannot be trusted, and StateError if a newer exporter wrote it.

    The sessions, of which there may be millions, are checked when they are read.
    """
    with transaction(connection):
        version = schema_version(connection)
        if version > SCHEMA_VERSION:
            raise StateError(
                f"the state file {file} was written by a newer exporter (schema {version}, this one knows "
                f"{SCHEMA_VERSION}): run that version, or use another --storage.path"
            )
        if version < 1:
            raise DamagedError(f"the state file {file} is damaged: it has no schema version")
        for table in ("chargers", "states") if version == SCHEMA_VERSION else ("chargers",):
            if connection.execute(f"PRAGMA integrity_check('{table}')").fetchone()[0] != b"ok":
                raise DamagedError(f"the state file {file} is damaged: its structure is not consistent")
        if version > 1:
            expected_bytes = _pragma(connection, "page_count") * _pragma(connection, "page_size")
            if file.stat().st_size != expected_bytes:
                raise DamagedError(f"the state file {file} is damaged: its size is not that of its content")
        load(file, connection)


def load(file: Path, connection: sqlite3.Connection) -> dict[str, KeptState]:
    """Return the state of every charger; raise DamagedError."""
    with damaged_rows_as_state_errors(file):
        return dict(charger_states.states(connection))


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def parts_of(file: Path) -> list[Path]:
    """Return the file and all files that SQLite may create for it."""
    return [file.with_name(file.name + suffix) for suffix in SUFFIXES]


def exists(file: Path) -> bool:
    """Return whether the file, or a file that SQLite creates for it, exists."""
    return any(part.exists() for part in parts_of(file))


@contextmanager
def as_state_errors(file: Path, done: str) -> Iterator[None]:
    """Turn errors of SQLite and the system into a StateError that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        # Errors raised by Python have no code. The low byte of a code is the kind, the rest the detail.
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF in _DAMAGE:
            raise DamagedError(f"the state file {file} is damaged: SQLite cannot read it") from error
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        advice = _ADVICE.get(code) or _ADVICE.get(code & 0xFF, "look at the file and its disk")
        raise StateError(f"the state file {file} cannot be {done} ({name}): {advice}") from error
    except PermissionError as error:
        us = f"this process runs as uid {os.geteuid()}"
        advice = f"{us}: let it read and write the file and its folder"
        raise StateError(f"the state file {file} cannot be {done}: permission denied; {advice}") from error
    except OSError as error:
        raise StateError(f"the state file {file} cannot be {done}: {cause_of(error)}") from error


@contextmanager
def damaged_rows_as_state_errors(file: Path) -> Iterator[None]:
    """Turn the ValueError of a damaged row into a DamagedError that names the file."""
    try:
        yield
    except ValueError as error:
        raise DamagedError(f"the state file {file} is damaged: {error}") from error
