"""What can happen to the state file. No total is silently less, and what is not the exporter's is left alone."""

import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from exporter.state.state_file import STATE_FILE
from exporter.state.store import StateStore
from tests.chaos.faults import Fault, Within, fault_of, harmless, holds
from tests.chaos.test_machine import watching
from tests.end_to_end.program import AS_ANYBODY, PROGRAM, Exporter
from tests.processes import SECONDS, wait_until
from tests.state.listed import NOON, session, state_with

ENERGY = "vecharge_charger_energy_joules_total"
DAMAGED = "vecharge_exporter_state_damaged_files"
# Nobody answers there: what is shown comes from the state file.
CONFIG = {"accounts": [{"name": "test", "url": "http://127.0.0.1:9", "token": "secret", "chargers": ["a", "b"]}]}
SET_ASIDE = "state file damaged and set aside"
WRITTEN_AGAIN = "was removed while in use; it has been written again"
FOREIGN = "is the database of another program"
NEWER = "was written by a newer exporter"
TOTALS = {"a": 36_000.0, "b": 72_000.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an exporter that was stopped; its state file is in `data`."""
    folder = tmp_path / "exporter"
    with closing(StateStore.open(folder / "data")) as store:
        store.commit({"a": state_with(session(1)), "b": state_with(session(1), session(2, NOON + 7200))})
    return folder


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Fault:
    """The row that the test verifies."""
    return fault_of(request.function)


def own(exporter: Exporter, metric: str) -> float:
    """A metric of the exporter itself."""
    (value,) = (line.split()[1] for line in exporter.scrape().splitlines() if line.startswith(f"{metric} "))
    return float(value)


def start_in_vain(folder: Path) -> str:
    """What an exporter says that refuses to start."""
    (folder / "config.yml").write_text("accounts: [{name: test, token: secret, chargers: [a, b]}]")
    command = (*AS_ANYBODY, PROGRAM, "run", "--config.file=config.yml", "--web.listen-address=127.0.0.1:0")
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=2 * SECONDS)
    assert ended.returncode == 1
    return ended.stderr


def assert_set_aside(folder: Path, fault: Fault, damaged: bytes) -> None:
    """An exporter starts with new totals, reports the damage and keeps the damaged file."""
    file = folder / "data" / STATE_FILE
    file.write_bytes(damaged)
    exporter = Exporter(folder, CONFIG)
    with exporter.process:
        assert fault.log in exporter.process.text()
        assert own(exporter, fault.metric) == 1
        assert exporter.values(ENERGY) == {}
    assert file.with_name("state.db.damaged-1").read_bytes() == damaged


@holds(Fault("A byte is flipped: the file is set aside, and totals start anew", Within.START, DAMAGED, SET_ASIDE))
def test_a_flipped_byte_is_reported_and_the_file_kept(folder: Path, fault: Fault) -> None:
    file = folder / "data" / STATE_FILE
    with closing(sqlite3.connect(file)) as database:
        (state,) = database.execute("SELECT content FROM states").fetchone()
    content = file.read_bytes()
    assert content.count(state) == 1
    assert_set_aside(folder, fault, content.replace(state, state[:-1] + bytes([state[-1] ^ 1])))


@holds(Fault("The file is truncated: it is set aside, and totals start anew", Within.START, DAMAGED, SET_ASIDE))
def test_a_truncated_file_is_reported_and_kept(folder: Path, fault: Fault) -> None:
    assert_set_aside(folder, fault, (folder / "data" / STATE_FILE).read_bytes()[:-1])


@holds(harmless("The exporter is killed in the middle of a commit: the next start undoes it"))
def test_an_interrupted_commit_is_undone(folder: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(folder / "data" / STATE_FILE, isolation_level=None)) as killed:
        # More than the cache can hold: pages go to the file before the commit.
        killed.execute("PRAGMA cache_size = 1")
        killed.execute("BEGIN IMMEDIATE")
        killed.execute("UPDATE states SET content = ''")
        killed.execute("UPDATE sessions SET began_by = hex(zeroblob(1000))")
        left = shutil.copytree(folder, tmp_path / "left")
    assert (left / "data" / STATE_FILE).read_bytes() != (folder / "data" / STATE_FILE).read_bytes()
    exporter = Exporter(left, CONFIG)
    with exporter.process:
        assert exporter.values(ENERGY) == TOTALS
        assert own(exporter, DAMAGED) == 0
        assert exporter.process.text().count("level=error") == 0


@pytest.mark.parametrize("removed", ["file", "folder"])
@holds(
    Fault(
        "The file is deleted while the exporter runs: it is written again, complete", Within.COMMIT, log=WRITTEN_AGAIN
    )
)
def test_a_deleted_file_is_written_again(tmp_path: Path, fault: Fault, removed: str) -> None:
    with watching(tmp_path) as (service, exporter):
        data = exporter.folder / "data"
        if removed == "file":
            (data / STATE_FILE).unlink()
        else:
            shutil.rmtree(data)
        service.act("on")

        def reported() -> bool:
            service.act("log")
            exporter.scrape()
            return fault.log in exporter.process.text()

        wait_until(reported, "a commit that finds no file")
        service.act("off")
        wait_until(lambda: exporter.values(ENERGY) == service.joules(), "the true totals")
        shown = exporter.values(ENERGY)
        exporter.process.stop()
        again = Exporter(exporter.folder, CONFIG | {"accounts": [service.account() | {"url": "http://127.0.0.1:9"}]})
        with again.process:
            assert again.values(ENERGY) == shown


@holds(Fault("The file is another program's database: the exporter does not start", Within.START, log=FOREIGN))
def test_the_database_of_another_program_is_left_alone(folder: Path, fault: Fault) -> None:
    file = folder / "data" / STATE_FILE
    file.unlink()
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE chargers (name TEXT)")
    before = file.read_bytes()
    assert fault.log in start_in_vain(folder)
    assert file.read_bytes() == before


@holds(Fault("A newer exporter wrote the file: the exporter does not start", Within.START, log=NEWER))
def test_the_file_of_a_newer_exporter_is_left_alone(folder: Path, fault: Fault) -> None:
    file = folder / "data" / STATE_FILE
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    assert fault.log in start_in_vain(folder)
    assert file.read_bytes() == before


@holds(
    Fault(
        "The state file is write-protected: the exporter does not start",
        Within.START,
        log="let it read and write the file",
    )
)
def test_a_write_protected_file_is_reported(folder: Path, fault: Fault) -> None:
    """SQLite would open it to read, and every commit would fail, also once it is writable again."""
    (folder / "data" / STATE_FILE).chmod(stat.S_IRUSR)
    assert fault.log in start_in_vain(folder)


@holds(
    Fault("The folder is read-only: the exporter does not start", Within.START, log="let it read and write the file")
)
def test_a_read_only_folder_is_reported(folder: Path, fault: Fault) -> None:
    data = folder / "data"
    data.joinpath("state.lock").unlink()
    data.chmod(stat.S_IRUSR | stat.S_IXUSR)
    said = start_in_vain(folder)
    data.chmod(stat.S_IRWXU)
    assert fault.log in said
