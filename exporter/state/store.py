"""The writer of the state file: what of every charger outlives the process. What the numbers mean is not known here.

A commit is on the disk when it returns (write-ahead log, `synchronous=FULL`).
"""

import fcntl
import os
import re
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from exporter.charger.charger import KeptState
from exporter.errors import StateError
from exporter.state.state_file import (
    APPLICATION_ID,
    STATE_FILE,
    DamagedError,
    connect,
    examine,
    exists,
    in_words,
    migrate,
    parts_of,
    rows,
    write,
)

LOCK_FILE: Final = "state.lock"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A damaged state file under its new name, and what is wrong with it."""

    file: Path
    reason: str


class StateStore:
    """The one writer of a state file; `open` it, and `close` it. Its calls block; no two may run at a time.

    `set_aside` is the damaged file that this `open` found, `damaged_files` how many of them lie in the folder.
    """

    def __init__(self, file: Path, connection: sqlite3.Connection, lock: int, set_aside: SetAside | None) -> None:
        self.file = file
        self.set_aside = set_aside
        self.damaged_files = len(_damaged(file))
        self._connection = connection
        self._lock = lock
        self._inode = file.stat().st_ino

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The state file in `folder`, made if need be; raises StateError. A damaged one is set aside."""
        file = folder / STATE_FILE
        with in_words(file, "opened"), ExitStack() as undo:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _take_lock(file)
            undo.callback(os.close, lock)
            set_aside = _make_sound(file)
            connection = connect(file, "rw")
            undo.callback(connection.close)
            connection.execute("PRAGMA synchronous = FULL")
            migrate(connection)
            store = cls(file, connection, lock, set_aside)
            undo.pop_all()
            return store

    def load(self) -> dict[str, KeptState]:
        """What is kept of every charger, those that left the configuration included."""
        with in_words(self.file, "read"):
            return dict(rows(self.file, self._connection))

    def commit(self, states: Mapping[str, KeptState]) -> None:
        """Writes all of these or, with a StateError, none; they are on the disk when this returns."""
        with in_words(self.file, "written"):
            if self.file.stat().st_ino != self._inode:
                raise StateError(f"the state file {self.file} was replaced while in use: restart the exporter")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                write(self._connection, states)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Lets go of the file, so that another may open it."""
        try:
            with in_words(self.file, "closed"):
                self._connection.close()
        finally:
            os.close(self._lock)


def _take_lock(file: Path) -> int:
    """The descriptor that holds the lock. The kernel lets go of it when the process ends, however it ends."""
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


def _make_sound(file: Path) -> SetAside | None:
    """Leaves a file that can be trusted: a damaged one makes room for a new one."""
    set_aside = None
    if exists(file):
        try:
            examine(file)
        except DamagedError as error:
            set_aside = SetAside(_rename(file), str(error))
    if not file.exists():
        _create(file)
    return set_aside


def _create(file: Path) -> None:
    """A new state file, whole or not at all: one that is empty or half made is a damaged one."""
    new = file.with_name(f"{file.name}.new")
    for part in parts_of(new):
        part.unlink(missing_ok=True)
    # SQLite gives its other files the mode of this one.
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(connect(new, "rw")) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection)
        connection.execute("PRAGMA journal_mode = WAL")
    new.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _rename(file: Path) -> Path:
    """Gives a damaged file, with its log, a name that is still free."""
    number = max((0, *_damaged(file))) + 1
    aside = file.with_name(f"{file.name}.damaged-{number}")
    for part, new in zip(parts_of(file), parts_of(aside), strict=True):
        with suppress(FileNotFoundError):
            part.rename(new)
    return aside


def _damaged(file: Path) -> set[int]:
    """The numbers of the damaged files that were set aside and are still there."""
    named = (re.match(r"\.damaged-(\d+)", path.name.removeprefix(file.name)) for path in file.parent.iterdir())
    return {int(match[1]) for match in named if match}
