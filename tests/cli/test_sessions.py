"""`vecharge-exporter sessions`: the list for people and programs, and its sum beside the counter."""

import csv
import io
import json
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exporter.charger.sessions import KnownBy, RunningSession
from exporter.cli.main import main
from exporter.state.session_query import FIELDS
from exporter.state.state_file import STATE_FILE
from exporter.state.store import StateStore
from tests.end_to_end.program import AS_ANYBODY, PROGRAM
from tests.processes import SECONDS
from tests.state.listed import DAY, NOON, session, state_with
from tests.state.test_schema import GOLDEN

BILL = Path(__file__).parents[2] / "docs" / "bill.md"
Sessions = Callable[..., Result]
RUNNING = RunningSession(
    36_000, NOON + 2 * DAY, NOON + 2 * DAY, NOON + 2 * DAY, KnownBy.LOG, number=3, certain=False, set_aside=3600
)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["sessions", f"--storage.path={tmp_path}", *arguments])

    return run


@pytest.fixture
def kept(tmp_path: Path) -> None:
    """Two chargers: one with two sessions and a running one, one with a single session."""
    first, second = session(1, energy_joules=51_120_000), session(2, NOON + DAY)
    meter = {"start_joules": 720_000, "current": RUNNING, "excess_joules": 360_000}
    total = 720_000 + 51_120_000 + 36_000 + 36_000 - 3600 + 360_000
    with closing(StateStore.open(tmp_path)) as store:
        store.commit(
            {
                "veChargePoint0125896": state_with(first, second, total_joules=total, **meter),
                "other": state_with(session(7, NOON + DAY)),
            }
        )


@pytest.mark.usefixtures("kept")
def test_the_table_lists_every_session_and_compares_the_sum_with_the_counter(sessions: Sessions) -> None:
    result = sessions()
    assert (result.exit_code, result.stderr) == (0, "")
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "CHARGER NUMBER BEGAN ENDED KWH PEAK W BEGAN BY ENDED BY CERTAIN",
        "other 7 2024-10-05T12:00:00Z 2024-10-05T13:00:00Z 0.01 7012 status document yes",
        "other: 1 session, 0.01 kWh; counter 0.01 kWh",
        "",
        "veChargePoint0125896 1 2024-10-04T12:00:00Z 2024-10-04T13:00:00Z 14.20 7012 status document yes",
        "veChargePoint0125896 2 2024-10-05T12:00:00Z 2024-10-05T13:00:00Z 0.01 7012 status document yes",
        "veChargePoint0125896 3 2024-10-06T12:00:00Z - 0.01 - log - no",
        "veChargePoint0125896: 3 sessions, 14.22 kWh + 0.20 start - 0.00 set aside + 0.10 excess = 14.52 kWh; "
        "counter 14.52 kWh",
    ]
    assert len({len(line) for line in result.stdout.splitlines() if line.endswith("  yes")}) == 1


@pytest.mark.usefixtures("kept")
def test_csv_has_a_row_for_each_session_with_joules_and_kwh(sessions: Sessions) -> None:
    rows = list(csv.DictReader(io.StringIO(sessions("--format=csv").stdout)))
    assert len(rows) == 4
    assert rows[1] == {
        "charger_id": "veChargePoint0125896",
        "number": "1",
        "began": "2024-10-04T12:00:00.000Z",
        "ended": "2024-10-04T13:00:00.500Z",
        "energy_joules": "51120000",
        "energy_kwh": "14.2",
        "peak_watts": "7012.25",
        "began_by": "status",
        "ended_by": "document",
        "certain": "true",
    }
    assert (rows[3]["ended"], rows[3]["peak_watts"], rows[3]["ended_by"]) == ("", "", "")
    assert rows[3]["certain"] == "false"


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("form", "file"), [("table", "txt"), ("csv", "csv"), ("json", "json")])
def test_every_format_equals_its_golden_file(
    sessions: Sessions, golden: Callable[[str, str], None], form: str, file: str
) -> None:
    golden(f"sessions.{file}", sessions(f"--format={form}").stdout)


def test_the_documentation_names_every_column_of_the_csv() -> None:
    text = BILL.read_text()
    assert [name for name in FIELDS if f"| `{name}` |" not in text] == []


@pytest.mark.usefixtures("kept")
def test_json_has_sessions_and_the_sums_of_the_chargers(sessions: Sessions) -> None:
    document = json.loads(sessions("--format=json").stdout)
    assert [(each["charger_id"], each["number"]) for each in document["sessions"]] == [
        ("other", 7),
        *(("veChargePoint0125896", number) for number in (1, 2, 3)),
    ]
    assert document["sessions"][3] == {
        "charger_id": "veChargePoint0125896",
        "number": 3,
        "began": "2024-10-06T12:00:00.000Z",
        "ended": None,
        "energy_joules": 36_000,
        "energy_kwh": 0.01,
        "peak_watts": None,
        "began_by": "log",
        "ended_by": None,
        "certain": False,
    }
    assert document["chargers"][1] == {
        "charger_id": "veChargePoint0125896",
        "sessions": 3,
        "sum_joules": 51_192_000,
        "start_joules": 720_000,
        "set_aside_joules": 3600,
        "excess_joules": 360_000,
        "counter_joules": 52_268_400,
        "agrees": True,
    }


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (["--charger=other"], [7]),
        (["--charger=other", "--charger=veChargePoint0125896"], [7, 1, 2, 3]),
        (["--since=2024-10-05T12:00:00Z"], [7, 2, 3]),
        (["--since=2024-10-05T17:30:00+05:30", "--until=2024-10-06"], [7, 2]),
        (["--since=7d"], []),
        (["--until=7d", "--charger=other"], [7]),
    ],
)
def test_filters_select_chargers_and_the_time_at_which_a_session_began(
    sessions: Sessions, arguments: list[str], numbers: list[int]
) -> None:
    document = json.loads(sessions("--format=json", *arguments).stdout)
    assert [each["number"] for each in document["sessions"]] == numbers


@pytest.mark.usefixtures("kept")
def test_the_sum_of_a_period_is_not_compared_with_the_counter(sessions: Sessions) -> None:
    assert sessions("--since=2024-10-06", "--charger=other").stdout.splitlines()[-1] == "other: 0 sessions, 0.00 kWh"


@pytest.mark.usefixtures("kept")
def test_an_unknown_charger_is_reported(sessions: Sessions) -> None:
    result = sessions("--charger=unknown")
    assert result.exit_code == 1
    assert result.stderr == 'vecharge-exporter: charger not found in the state file: "unknown"\n'


@pytest.mark.parametrize("option", ["--since=yesterday", "--until=30", "--format=xml"])
def test_an_invalid_option_is_rejected(sessions: Sessions, option: str) -> None:
    assert sessions(option).exit_code == 2


@pytest.mark.usefixtures("kept")
def test_a_damaged_session_is_reported_after_all_others_are_printed(sessions: Sessions, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as database:
        database.execute("UPDATE sessions SET energy_joules = 1 WHERE number = 2")
        database.commit()
    result = sessions("--format=csv")
    assert result.exit_code == 1
    assert [row["number"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["7", "1", "3"]
    assert result.stderr == (
        f"vecharge-exporter: the list of sessions in {tmp_path}/state.db is damaged: sessions are missing or cannot be "
        "read, of veChargePoint0125896; all others are printed, and a backup may have these\n"
    )


@pytest.mark.usefixtures("kept")
def test_a_session_that_is_missing_of_a_period_is_reported_with_its_day(sessions: Sessions, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as database:
        database.execute("DELETE FROM sessions WHERE number = 2")
        database.commit()
    result = sessions("--format=csv", "--since=2024-10-05")
    assert result.exit_code == 1
    assert [row["number"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["7", "3"]
    assert result.stderr == (
        f"vecharge-exporter: the list of sessions in {tmp_path}/state.db is damaged: sessions are missing or cannot be "
        "read, of the day 2024-10-05 (UTC); all others are printed, and a backup may have these\n"
    )
    assert sessions("--until=2024-10-05").exit_code == 0


def test_a_state_file_from_before_the_list_of_sessions_is_not_called_damaged(
    sessions: Sessions, tmp_path: Path
) -> None:
    shutil.copyfile(GOLDEN / "schema-1.db", tmp_path / STATE_FILE)
    result = sessions()
    assert result.exit_code == 1
    assert "kept no list of sessions: start this version of the exporter once" in result.stderr
    assert "damaged" not in result.stderr


@pytest.mark.usefixtures("kept")
def test_sessions_can_be_read_while_the_exporter_runs(sessions: Sessions, tmp_path: Path) -> None:
    with closing(StateStore.open(tmp_path)) as running:
        before = sessions("--charger=other").stdout
        running.commit({"other": state_with(session(8, NOON + 5 * DAY), total_joules=72_000, settled_joules=72_000)})
        assert len(sessions("--charger=other").stdout.splitlines()) == len(before.splitlines()) + 1


@pytest.mark.usefixtures("kept")
def test_a_read_only_copy_can_be_read(tmp_path: Path) -> None:
    copy = shutil.copytree(tmp_path, tmp_path.parent / "copy")
    for path in (*copy.iterdir(), copy):
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    result = subprocess.run(
        [*AS_ANYBODY, PROGRAM, "sessions", f"--storage.path={copy}"], capture_output=True, text=True, timeout=SECONDS
    )
    copy.chmod(stat.S_IRWXU)
    assert (result.returncode, result.stderr) == (0, "")
    assert "counter 14.52 kWh" in result.stdout
