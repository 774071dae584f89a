"""`vecharge-exporter state` only reads, also in a read-only folder and beside a running exporter; never old totals."""

import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exporter.charger.charger import KeptState
from exporter.charger.meter_state import MeterState
from exporter.state.state_file import STATE_FILE
from exporter.state.store import StateStore
from tests.end_to_end.program import AS_ANYBODY, PROGRAM
from tests.processes import SECONDS


def total(kwh: int) -> KeptState:
    return KeptState(MeterState(total_joules=kwh * 3_600_000, start_joules=kwh * 3_600_000), 1.6e9)


def commit(folder: Path, kwh: int) -> None:
    with closing(StateStore.open(folder)) as writer:
        writer.commit({"test": total(kwh)})


def state(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AS_ANYBODY, PROGRAM, "state", f"--storage.path={folder}"], capture_output=True, text=True, timeout=SECONDS
    )


def shown(folder: Path) -> str:
    """The total of the one charger."""
    result = state(folder)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()[1].split()[1]


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an exporter with 1 kWh."""
    folder = tmp_path / "data"
    commit(folder, 1)
    return folder


@pytest.fixture
def running(folder: Path) -> Iterator[StateStore]:
    """The exporter runs again, and has committed 2 kWh."""
    with closing(StateStore.open(folder)) as running:
        running.commit({"test": total(2)})
        yield running


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], Path]]:
    """`read_only(folder)` makes the folder read-only until the end of the test."""
    folders = []

    def refuse(folder: Path) -> Path:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
        folders.append(folder)
        touched = subprocess.run([*AS_ANYBODY, "touch", folder / "file"], capture_output=True, timeout=SECONDS)
        assert touched.returncode, "the folder can still be written"
        return folder

    yield refuse
    for folder in folders:
        folder.chmod(stat.S_IRWXU)


ReadOnly = Callable[[Path], Path]


def test_a_reader_creates_no_other_file(folder: Path) -> None:
    before = names(folder)
    assert shown(folder) == "1.00"
    assert names(folder) == before


def test_a_reader_needs_no_write_access(folder: Path, read_only: ReadOnly) -> None:
    assert shown(read_only(folder)) == "1.00"


def test_a_reader_needs_no_write_access_while_the_exporter_runs(
    folder: Path, running: StateStore, read_only: ReadOnly
) -> None:
    read_only(folder)
    assert shown(folder) == "2.00"
    running.commit({"test": total(3)})
    assert shown(folder) == "3.00"


@pytest.mark.usefixtures("running")
def test_so_it_may_in_a_copy_made_between_two_commits(folder: Path, tmp_path: Path, read_only: ReadOnly) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert shown(read_only(copy)) == "2.00"


@pytest.fixture
def interrupted(folder: Path, tmp_path: Path) -> Path:
    """What an exporter leaves that is killed in the middle of a commit: a file half written, and its journal."""
    with closing(sqlite3.connect(folder / STATE_FILE, isolation_level=None)) as crashing:
        # More than the cache can hold: pages go to the file before the commit.
        crashing.execute("PRAGMA cache_size = 1")
        crashing.execute("BEGIN IMMEDIATE")
        crashing.execute(
            "CREATE TABLE more AS WITH n(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM n LIMIT 9999) SELECT * FROM n"
        )
        crashed = shutil.copytree(folder, tmp_path / "crashed")
    assert (crashed / STATE_FILE).read_bytes() != (folder / STATE_FILE).read_bytes()
    return crashed


def test_an_interrupted_commit_is_undone_by_a_reader(folder: Path, interrupted: Path) -> None:
    assert shown(interrupted) == "1.00"
    assert (interrupted / STATE_FILE).read_bytes() == (folder / STATE_FILE).read_bytes()
    commit(interrupted, 2)
    assert shown(interrupted) == "2.00"


def test_sessions_and_backup_undo_an_interrupted_commit_too(interrupted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "backup" / STATE_FILE
    copy.parent.mkdir()
    for command in (["sessions"], ["state", "backup", str(copy)]):
        crashed = shutil.copytree(interrupted, tmp_path / command[0])
        name, *arguments = command
        result = subprocess.run(
            [PROGRAM, name, f"--storage.path={crashed}", *arguments], capture_output=True, text=True, timeout=SECONDS
        )
        assert (result.returncode, result.stderr) == (0, "")
    assert shown(copy.parent) == "1.00"


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_an_interrupted_commit_in_a_read_only_folder_is_reported(
    interrupted: Path, read_only: ReadOnly, mode: int
) -> None:
    (interrupted / STATE_FILE).chmod(mode)
    result = state(read_only(interrupted))
    assert (result.returncode, result.stdout) == (1, "")
    assert "a commit was interrupted, and undoing it needs write access to the file and its folder" in result.stderr


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_file_without_read_permission_is_reported(folder: Path, closed: str) -> None:
    (folder if closed == "folder" else folder / STATE_FILE).chmod(0)
    result = state(folder)
    folder.chmod(stat.S_IRWXU)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"vecharge-exporter: the state file {folder}/state.db cannot be read: permission denied; "
        f"this process runs as uid {os.geteuid()}: let it read and write the file and its folder\n"
    )
