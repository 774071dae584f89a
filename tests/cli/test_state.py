"""`vecharge-exporter state`: the totals for people and programs, and a total set by hand."""

import json
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from exporter.charger.charger import KeptState
from exporter.charger.events import Reading
from exporter.charger.log_order import LogOrderState
from exporter.charger.meter import EnergyMeter
from exporter.charger.meter_state import MeterState
from exporter.cli.main import main
from exporter.state import session_query
from exporter.state.state_file import PAGE_BYTES, STATE_FILE, open_to_read, read
from exporter.state.store import StateStore
from tests.state.listed import session

CHARGING = KeptState(
    MeterState(
        total_joules=45_000_000, settled_joules=45_000_000, sessions=3, logs=LogOrderState(time=1_700_000_000.5)
    ),
    1.6e9,
)
NEW = KeptState(MeterState(), 1.65e9)
State = Callable[..., Result]


@pytest.fixture
def state(tmp_path: Path) -> State:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["state", f"--storage.path={tmp_path}", *arguments])

    return run


@pytest.fixture
def kept(tmp_path: Path) -> None:
    with closing(StateStore.open(tmp_path)) as store:
        store.commit({"veChargePoint0125896": CHARGING, "new": NEW})


@pytest.mark.usefixtures("kept")
def test_the_table_has_energy_sessions_and_last_log(state: State) -> None:
    assert state().output.splitlines() == [
        "CHARGER                 KWH  SESSIONS  LAST LOG",
        "new                       -         0  -",
        "veChargePoint0125896  12.50         3  2023-11-14T22:13:20Z",
    ]


@pytest.mark.usefixtures("kept")
def test_json_has_every_field(state: State) -> None:
    assert json.loads(state("--json").output) == [
        {
            "charger_id": "new",
            "energy_kwh": None,
            "energy_joules": None,
            "sessions": 0,
            "last_log": None,
            "first_seen": "2022-04-15T05:20:00Z",
        },
        {
            "charger_id": "veChargePoint0125896",
            "energy_kwh": 12.5,
            "energy_joules": 45_000_000,
            "sessions": 3,
            "last_log": "2023-11-14T22:13:20Z",
            "first_seen": "2020-09-13T12:26:40Z",
        },
    ]


@pytest.mark.usefixtures("kept")
def test_it_can_be_read_while_the_exporter_runs(state: State, tmp_path: Path) -> None:
    with closing(StateStore.open(tmp_path)) as running:
        running.commit({"new": CHARGING})
        assert state().output.count("12.50") == 2
        running.commit({"new": NEW})


def test_a_missing_file_is_reported_and_not_created(state: State, tmp_path: Path) -> None:
    result = state()
    assert result.exit_code == 1
    assert f"state file not found: {tmp_path}/state.db" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_reported_and_not_changed(state: State, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_bytes(b"damage")
    result = state()
    assert result.exit_code == 1
    assert "is damaged" in result.output
    assert (tmp_path / STATE_FILE).read_bytes() == b"damage"


@pytest.mark.usefixtures("kept")
def test_set_changes_only_the_total(state: State, tmp_path: Path) -> None:
    result = state("set", "veChargePoint0125896", "--energy-kwh", "1234.56")
    assert result.output == "veChargePoint0125896: 1234.56 kWh (was 12.50 kWh)\n"
    expected = msgspec.structs.replace(CHARGING.meter, total_joules=4_444_416_000, start_joules=4_399_416_000)
    assert read(tmp_path) == {"veChargePoint0125896": KeptState(expected, 1.6e9), "new": NEW}


def test_set_adds_a_charger_if_told_to(state: State, tmp_path: Path) -> None:
    result = state("set", "later", "--energy-kwh", "100", "--new")
    assert result.output == "later: 100.00 kWh (new)\n"
    meter = EnergyMeter(400_000, read(tmp_path)["later"].meter)
    meter.observe(Reading(session_energy_joules=36_000), 1_700_000_000.0)
    assert meter.total_joules == 360_000_000 + 36_000


@pytest.mark.usefixtures("kept")
def test_set_rejects_an_unknown_charger(state: State, tmp_path: Path) -> None:
    before = read(tmp_path)
    result = state("set", "misspelled", "--energy-kwh", "100")
    assert result.exit_code == 1
    assert result.output == (
        f'vecharge-exporter: charger not found: "misspelled" is not in {tmp_path}/state.db; check the id, name the '
        "configuration that has it with --config.file, or add it with --new\n"
    )
    assert read(tmp_path) == before


def test_a_rejected_set_creates_no_file(state: State, tmp_path: Path) -> None:
    assert state("set", "misspelled", "--energy-kwh", "100").exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_set_accepts_chargers_of_the_configuration(state: State, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("accounts: [{name: a, token: t, chargers: [configured]}]\n")
    result = state("set", "configured", "--energy-kwh", "100", f"--config.file={config}")
    assert result.output == "configured: 100.00 kWh (new)\n"
    assert state("set", "another", "--energy-kwh", "100", f"--config.file={config}").exit_code == 1


@pytest.mark.usefixtures("kept")
def test_set_warns_if_it_lowers_a_total(state: State) -> None:
    result = state("set", "veChargePoint0125896", "--energy-kwh", "12.49")
    assert result.exit_code == 0
    assert result.stderr == (
        "vecharge-exporter: warning: 12.49 kWh is below the old total, 12.50 kWh: Prometheus treats this as a "
        "counter reset, so increase() counts 12.49 kWh again\n"
    )
    assert state("set", "veChargePoint0125896", "--energy-kwh", "12.49").stderr == ""


@pytest.mark.usefixtures("kept")
def test_a_backup_of_a_running_exporter_is_complete_and_can_be_restored(state: State, tmp_path: Path) -> None:
    backup = tmp_path / "elsewhere" / STATE_FILE
    backup.parent.mkdir()
    with closing(StateStore.open(tmp_path)) as running:
        running.commit({"veChargePoint0125896": msgspec.structs.replace(CHARGING, sessions=(session(1),))})
        assert state("backup", str(backup)).output == f"{backup}: {backup.stat().st_size} bytes\n"
        running.commit({"new": CHARGING})
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with closing(StateStore.open(backup.parent)) as restored:
        assert restored.set_aside is None
        assert restored.load() == {"veChargePoint0125896": CHARGING, "new": NEW}
    with open_to_read(backup) as connection:
        found = session_query.of_charger(connection, "veChargePoint0125896")
    assert found is not None
    assert session(1) in found.sessions


@pytest.mark.usefixtures("kept")
def test_a_backup_overwrites_nothing(state: State, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("another file")
    result = state("backup", str(tmp_path / "there"))
    assert result.exit_code == 1
    assert "exists already: remove it, or name another file" in result.output
    assert (tmp_path / "there").read_text() == "another file"


def test_a_backup_that_fails_leaves_no_file(state: State, tmp_path: Path) -> None:
    assert state("backup", str(tmp_path / "there")).exit_code == 1
    assert not (tmp_path / "there").exists()


@pytest.mark.usefixtures("kept")
def test_a_backup_of_a_damaged_file_leaves_no_file(state: State, tmp_path: Path) -> None:
    """The sessions are read only while they are copied: the copy has begun by then."""
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as database:
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchall()
    with (tmp_path / STATE_FILE).open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)
    result = state("backup", str(tmp_path / "there"))
    assert result.exit_code == 1
    assert f"the state file {tmp_path / STATE_FILE} is damaged" in result.output
    assert not (tmp_path / "there").exists()


@pytest.mark.usefixtures("kept")
def test_forget_removes_the_charger_and_its_sessions(state: State, tmp_path: Path) -> None:
    with closing(StateStore.open(tmp_path)) as store:
        store.commit({"veChargePoint0125896": msgspec.structs.replace(CHARGING, sessions=(session(1),))})
    result = state("forget", "veChargePoint0125896")
    assert result.output == "veChargePoint0125896: forgotten (was 12.50 kWh)\n"
    assert read(tmp_path) == {"new": NEW}
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as database:
        assert database.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


@pytest.mark.usefixtures("kept")
def test_forget_reports_an_unknown_charger(state: State, tmp_path: Path) -> None:
    result = state("forget", "misspelled")
    assert result.exit_code == 1
    assert result.output == (
        f'vecharge-exporter: charger not found: "misspelled" is not in {tmp_path}/state.db; check the id\n'
    )


@pytest.mark.usefixtures("kept")
def test_forget_fails_while_the_exporter_runs(state: State, tmp_path: Path) -> None:
    with closing(StateStore.open(tmp_path)):
        assert "is in use by another exporter" in state("forget", "new").output
    assert "new" in read(tmp_path)


@pytest.mark.usefixtures("kept")
def test_set_fails_while_the_exporter_runs(state: State, tmp_path: Path) -> None:
    with closing(StateStore.open(tmp_path)) as running:
        result = state("set", "new", "--energy-kwh", "1")
        assert result.exit_code == 1
        assert "is in use by another exporter: stop it first" in result.output
        assert running.load()["new"] == NEW


@pytest.mark.parametrize("kwh", ["-1", "nan", "inf", "1e10", "ten"])
def test_set_rejects_a_number_that_cannot_be_a_total(state: State, tmp_path: Path, kwh: str) -> None:
    assert state("set", "new", f"--energy-kwh={kwh}").exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("charger", ["", "a\nb", " a"], ids=repr)
def test_an_id_that_is_invalid_in_a_configuration_is_rejected(state: State, tmp_path: Path, charger: str) -> None:
    refused = state("set", charger, "--energy-kwh=1")
    assert refused.exit_code == 1
    assert not (tmp_path / STATE_FILE).exists()
