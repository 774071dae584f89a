"""Creates the state file, or replaces it atomically by a new one."""

import os
from collections.abc import Mapping
from pathlib import Path

from exporter.charger.charger import KeptState
from exporter.state import charger_states
from exporter.state.charger_states import ChargerStates
from exporter.state.schema_versions import SCHEMA_VERSION
from exporter.state.state_file import (
    APPLICATION_ID,
    PAGE_BYTES,
    SCHEMA,
    close_writer,
    connect_to_write,
    parts_of,
    transaction,
)


def create(file: Path, states: Mapping[str, KeptState]) -> None:
    """Create a state file with these chargers, or atomically replace the old one."""
    put_in_place(with_chargers(file, states), file)


def with_chargers(file: Path, states: Mapping[str, KeptState]) -> Path:
    """Create a state file with these chargers, in the folder of `file`."""
    encoded = ChargerStates()
    encoded.put_all(states)
    new = empty_file(file)
    connection = connect_to_write(new)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        with transaction(connection):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for statement in SCHEMA:
                connection.execute(statement)
            charger_states.write(connection, encoded.take())
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    finally:
        close_writer(connection)
    return new


def empty_file(file: Path) -> Path:
    """Create an empty file that only its owner may access; SQLite gives its journal the same mode."""
    new = file.with_name(f"{file.name}.new")
    for part in parts_of(new):
        part.unlink(missing_ok=True)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return new


def put_in_place(new: Path, file: Path) -> None:
    """Rename the new file to `file`, once its content is on disk."""
    _sync(new)
    # SQLite would apply the journal of the old file to the new one.
    remove_journal(file)
    new.rename(file)
    _sync(file.parent)


def remove_journal(file: Path) -> None:
    """Remove all files that SQLite creates beside the state file."""
    for part in parts_of(file)[1:]:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
