"""The only writer of the state file: opens it, commits to it, and sets a damaged one aside."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final, Self

from exporter.charger.charger import KeptState
from exporter.errors import StateError
from exporter.state import charger_states, damaged_files, new_file, schema_versions, session_rows
from exporter.state.charger_states import ChargerStates, Pending
from exporter.state.damaged_files import SetAside
from exporter.state.schema_versions import SCHEMA_VERSION, schema_version
from exporter.state.state_file import (
    STATE_FILE,
    DamagedError,
    as_state_errors,
    close_writer,
    connect,
    connect_to_write,
    damaged_rows_as_state_errors,
    examine,
    examine_header,
    exists,
    load,
    transaction,
)

LOCK_FILE: Final = "state.lock"
# The most sessions beyond the retention that one commit deletes, which takes a few milliseconds.
TRIMMED_AT_ONCE: Final = 1000


class StateStore:
    """The only writer of a state file. Create it by `open`. Its calls block, and must not overlap.

    `states` belongs to the thread that changes the chargers: put a state there to write it with the next commit.
    `write` does not touch `states`, so it may run in another thread; `commit` and `forget` do.
    `is_new`: `open` created the file. `set_aside`: the damaged file that `open` found. `damaged_files`: the number of
    damaged files in the folder. Sessions that began more than `retention_days` ago are deleted; 0 keeps all.
    """

    def __init__(self, file: Path, lock: int, set_aside: SetAside | None, retention_days: int, *, is_new: bool) -> None:
        self.file = file
        self.is_new = is_new
        self.set_aside = set_aside
        self.damaged_files = damaged_files.count(file)
        self._lock = lock
        self._retention_days = retention_days
        self._connection = connect_to_write(file)
        with damaged_rows_as_state_errors(file):
            self.states = ChargerStates.read(self._connection)
        self._inode = file.stat().st_ino

    @classmethod
    def open(cls, folder: Path, retention_days: int = 0) -> Self:
        """Open the state file in `folder`, or create it; raise StateError. Set a damaged file aside."""
        file = folder / STATE_FILE
        with as_state_errors(file, "opened"), ExitStack() as undo:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _take_lock(file)
            undo.callback(os.close, lock)
            was_there = exists(file)
            set_aside = _ensure_valid(file)
            # SQLite would open a write-protected file to read, and keep it so.
            with file.open("r+b"):
                pass
            is_new = not was_there or set_aside is not None
            store = cls(file, lock, set_aside, retention_days, is_new=is_new)
            undo.pop_all()
            return store

    def load(self) -> dict[str, KeptState]:
        """Return the state of every charger, including those that are no longer in the configuration."""
        with as_state_errors(self.file, "read"):
            return load(self.file, self._connection)

    def commit(self, states: Mapping[str, KeptState], on_executed: Callable[[], None] = lambda: None) -> str:
        """Write these states, as `write` does. If that fails, the next commit writes them."""
        self.states.put_all(states)
        pending = self.states.take()
        try:
            return self.write(pending, on_executed)
        except BaseException:
            self.states.put_back(pending)
            raise

    def write(self, pending: Pending, on_executed: Callable[[], None] = lambda: None) -> str:
        """Write all of this to disk, or none of it and raise StateError.

        `on_executed` is called when only the end of the transaction is left. Return a message for the log if the file
        had to be repaired first, else an empty string.
        """
        repaired = ""
        with as_state_errors(self.file, "written"):
            if not self.file.exists():
                self._write_again()
                repaired = "the state file was removed while in use; it has been written again with its whole content"
            elif self.file.stat().st_ino != self._inode:
                raise StateError(f"the state file {self.file} was replaced while in use: restart the exporter")
        try:
            self._write(pending, on_executed)
        except DamagedError as error:
            aside = self._leave_damaged_sessions()
            repaired = f"{error}; a new file has its totals and readable sessions, the old file is {aside}"
            self._write(pending, on_executed)
        return repaired

    def _write(self, pending: Pending, on_executed: Callable[[], None]) -> None:
        with as_state_errors(self.file, "written"), transaction(self._connection, "IMMEDIATE"):
            charger_states.write(self._connection, pending)
            session_rows.write(self._connection, pending.sessions)
            if self._retention_days:
                today = session_rows.day_of(time.time())
                session_rows.trim(self._connection, today - self._retention_days, TRIMMED_AT_ONCE)
            on_executed()

    def forget(self, charger_id: str) -> None:
        """Delete a charger and its sessions, if the file knows it. If that fails, open the store again."""
        number = self.states.remove(charger_id)
        if number is None:
            return
        with as_state_errors(self.file, "written"), transaction(self._connection, "IMMEDIATE"):
            session_rows.delete(self._connection, charger_id)
            self._connection.execute("DELETE FROM chargers WHERE charger = ?", (number,))
            pending = self.states.take()
            charger_states.write(self._connection, pending)
            session_rows.write(self._connection, pending.sessions)

    def close(self) -> None:
        """Close the file and release the lock, so that another process may open it."""
        try:
            with as_state_errors(self.file, "closed"):
                close_writer(self._connection)
        finally:
            os.close(self._lock)

    def _write_again(self) -> None:
        """Write the removed file again. Its content can be read as long as the file is open."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.file.with_name(LOCK_FILE).exists():
            lock = _take_lock(self.file)
            os.close(self._lock)
            self._lock = lock
        # SQLite cannot open the journal of a file that has no name.
        new_file.remove_journal(self.file)
        new = new_file.empty_file(self.file)
        self._connection.execute("VACUUM INTO ?", (str(new),))
        self._switch_to(new)

    def _leave_damaged_sessions(self) -> Path:
        """Continue with a new file, without the sessions that cannot be read; return the name of the old file.

        Raise DamagedError if the chargers cannot be read either.
        """
        with as_state_errors(self.file, "read"):
            load(self.file, self._connection)
            new = new_file.with_chargers(self.file, {})
            self._connection.execute("ATTACH ? AS new", (str(new),))
            for table in ("chargers", "states"):
                self._connection.execute(f"INSERT INTO new.{table} SELECT * FROM main.{table}")  # noqa: S608 - names only
            for day in range(session_rows.day_of(time.time()) + 2):
                # One transaction per day, since a transaction that reads a damaged page cannot be committed.
                with suppress(sqlite3.DatabaseError):
                    copy = "INSERT INTO new.sessions SELECT * FROM main.sessions WHERE day = ?"
                    self._connection.execute(copy, (day,))
            # Copy the sums of the days unchanged, so that queries detect missing sessions.
            with suppress(sqlite3.DatabaseError):
                self._connection.execute("INSERT INTO new.days SELECT * FROM main.days")
            self._connection.execute("DETACH new")
            aside = damaged_files.free_name(self.file)
            os.link(self.file, aside)
            self._switch_to(new)
            self.damaged_files = damaged_files.count(self.file)
            return aside

    def _switch_to(self, new: Path) -> None:
        new_file.put_in_place(new, self.file)
        self._connection.close()
        self._connection = connect_to_write(self.file)
        self._inode = self.file.stat().st_ino


def _take_lock(file: Path) -> int:
    """Return the descriptor that holds the lock. The kernel releases the lock when the process ends, even by a kill."""
    lock = os.open(file.with_name(LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StateError(
            f"the state file {file} is in use by another exporter: stop it first, or use another --storage.path"
        ) from error
    except BaseException:
        os.close(lock)
        raise
    return lock


def _ensure_valid(file: Path) -> SetAside | None:
    """Ensure a valid file of the newest schema: set a damaged one aside, migrate an older one."""
    set_aside = None
    if exists(file):
        try:
            examine_header(file)
            set_aside = _migrate(file)
        except DamagedError as error:
            set_aside = SetAside(damaged_files.set_aside(file), str(error))
    if not file.exists():
        new_file.create(file, {})
    return set_aside


def _migrate(file: Path) -> SetAside | None:
    """Examine the file and migrate it: version 1 is replaced atomically, others change in one transaction.

    If that transaction finds damage, set the file aside; the new file has its totals, but not its sessions.
    """
    with as_state_errors(file, "read"), closing(connect(file, "rw")) as connection:
        examine(file, connection)
        version = schema_version(connection)
        if version == SCHEMA_VERSION:
            return None
        kept = load(file, connection)
        set_aside = None
        if version > 1:
            try:
                _write_states_anew(file, connection, kept)
            except DamagedError as error:
                set_aside = SetAside(damaged_files.set_aside(file), str(error), has_kept_totals=True)
            else:
                return None
    new_file.create(file, kept)
    return set_aside


def _write_states_anew(file: Path, connection: sqlite3.Connection, kept: Mapping[str, KeptState]) -> None:
    with as_state_errors(file, "written"), transaction(connection, "IMMEDIATE"):
        schema_versions.replace_chargers(connection, charger_states.SCHEMA)
        connection.execute(charger_states.STATES_SCHEMA)
        states = ChargerStates.read(connection)
        states.put_all(kept)
        charger_states.write(connection, states.take())
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
