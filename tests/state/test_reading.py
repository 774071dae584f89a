"""`vecharge-exporter state` only reads: in a read-only folder too, beside a running exporter, and never old numbers."""

import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exporter.charger.charger import KeptState
from exporter.charger.meter import MeterState
from exporter.config.files import FileMark, mark_of
from exporter.state import state_file
from exporter.state.state_file import STATE_FILE, read
from exporter.state.store import StateStore
from tests.end_to_end.program import AS_ANYBODY, PROGRAM
from tests.processes import SECONDS

LOG, INDEX = f"{STATE_FILE}-wal", f"{STATE_FILE}-shm"


def total(kwh: int) -> KeptState:
    return KeptState(MeterState(total_joules=kwh * 3_600_000, sessions=1), 1.6e9)


def commit(folder: Path, kwh: int) -> None:
    with closing(StateStore.open(folder)) as writer:
        writer.commit({"test": total(kwh)})


def state(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AS_ANYBODY, PROGRAM, "state", f"--storage.path={folder}"], capture_output=True, text=True, timeout=SECONDS
    )


def shown(folder: Path) -> str:
    """The total of the one charger."""
    told = state(folder)
    assert (told.returncode, told.stderr) == (0, "")
    return told.stdout.splitlines()[1].split()[1]


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an exporter has kept 1 kWh."""
    folder = tmp_path / "data"
    commit(folder, 1)
    return folder


@pytest.fixture
def running(folder: Path) -> Iterator[StateStore]:
    """It runs again, and has committed 2 kWh, which lie in its log."""
    with closing(StateStore.open(folder)) as running:
        running.commit({"test": total(2)})
        assert (folder / LOG).stat().st_size
        yield running


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], Path]]:
    """`read_only(folder)` lets nobody write there until the end of the test."""
    folders = []

    def refuse(folder: Path) -> Path:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
        folders.append(folder)
        touched = subprocess.run([*AS_ANYBODY, "touch", folder / "file"], capture_output=True, timeout=SECONDS)
        assert touched.returncode, "the folder takes no file"
        return folder

    yield refuse
    for folder in folders:
        folder.chmod(stat.S_IRWXU)


ReadOnly = Callable[[Path], Path]


def test_nothing_is_made_beside_the_file(folder: Path) -> None:
    before = names(folder)
    assert shown(folder) == "1.00"
    assert names(folder) == before


def test_a_folder_may_be_read_only(folder: Path, read_only: ReadOnly) -> None:
    assert shown(read_only(folder)) == "1.00"


def test_so_it_may_while_the_exporter_runs(folder: Path, running: StateStore, read_only: ReadOnly) -> None:
    read_only(folder)
    assert shown(folder) == "2.00"
    running.commit({"test": total(3)})
    assert shown(folder) == "3.00"


@pytest.mark.usefixtures("running")
def test_so_it_may_in_a_backup_of_a_running_exporter(folder: Path, tmp_path: Path, read_only: ReadOnly) -> None:
    backup = shutil.copytree(folder, tmp_path / "backup")
    assert shown(read_only(backup)) == "2.00"


@pytest.mark.usefixtures("running")
def test_a_log_that_cannot_be_read_is_told_and_no_old_number_shown(
    folder: Path, tmp_path: Path, read_only: ReadOnly
) -> None:
    backup = shutil.copytree(folder, tmp_path / "backup", ignore=shutil.ignore_patterns(INDEX))
    told = state(read_only(backup))
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == (
        f"vecharge-exporter: the state file {backup}/state.db cannot be read: its folder is read-only, and the index of"
        " its log is not there. Copy state.db and state.db-wal into another folder, and name that with --storage.path\n"
    )
    as_told = shutil.copytree(backup, tmp_path / "copy")
    as_told.chmod(stat.S_IRWXU)
    assert shown(as_told) == "2.00"


def test_a_log_that_is_empty_holds_nothing_back(folder: Path, read_only: ReadOnly) -> None:
    (folder / LOG).touch()
    assert shown(read_only(folder)) == "1.00"


class Look:
    """Looks for changes, with something done before some of the looks."""

    def __init__(self, **before: Callable[[], object]) -> None:
        self._before = before
        self._looks = 0

    def __call__(self, file: Path) -> FileMark | None:
        self._looks += 1
        self._before.get(f"look_{self._looks}", lambda: None)()
        return mark_of(file)


def test_what_is_written_while_it_is_read_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two looks before, at file and log, and two after. The log is gone again by then.
    monkeypatch.setattr(state_file, "mark_of", Look(look_3=lambda: commit(folder, 2)))
    assert read(folder) == {"test": total(2)}


def test_what_looks_damaged_in_the_middle_of_a_change_is_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / STATE_FILE
    content = file.read_bytes()
    file.write_bytes(b"half a change")
    monkeypatch.setattr(state_file, "mark_of", Look(look_3=lambda: file.write_bytes(content)))
    assert read(folder) == {"test": total(1)}


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_file_of_another_user_is_told(folder: Path, closed: str) -> None:
    (folder if closed == "folder" else folder / STATE_FILE).chmod(0)
    told = state(folder)
    folder.chmod(stat.S_IRWXU)
    assert (told.returncode, told.stdout) == (1, "")
    problem = "may not be read by this user: ask as the exporter's user"
    assert told.stderr == f"vecharge-exporter: the state file {folder}/state.db {problem}\n"
