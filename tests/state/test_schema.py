"""Schema versions: every later exporter reads what an earlier one wrote, and an earlier one refuses a later file."""

import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from exporter.charger.charger import KeptState
from exporter.charger.log_order import LogOrderState
from exporter.charger.meter_state import MeterState
from exporter.charger.power_estimate import PowerState
from exporter.charger.sessions import PendingDocument, RunningSession
from exporter.errors import StateError
from exporter.state import session_query
from exporter.state.period import Period
from exporter.state.state_file import PAGE_BYTES, STATE_FILE, open_to_read, read
from exporter.state.store import StateStore

GOLDEN = Path(__file__).with_name("golden")


def place(folder: Path, schema: int) -> Path:
    """Put the golden file of a schema where an exporter finds it; a released golden file never changes."""
    folder.mkdir()
    return Path(shutil.copyfile(GOLDEN / f"schema-{schema}.db", folder / STATE_FILE))


def totals(kept: dict[str, KeptState]) -> dict[str, tuple[int | None, int | None, int, float | None, float]]:
    return {
        charger_id: (
            state.meter.total_joules,
            state.meter.current.reported if state.meter.current else None,
            state.meter.sessions,
            state.meter.last_log_unix,
            state.first_seen_unix,
        )
        for charger_id, state in kept.items()
    }


SCHEMA_1 = {
    "veChargePoint0125896": (94_896_000, 1_800_000, 7, 1_764_323_080.123, 1_650_000_000.25),
    # With the session after the gap, which schema 1 counted once the next reading confirmed it.
    "after a gap": (36_180_000, 36_000, 5, 1_764_323_000.5, 1_700_000_000.0),
    "idle": (0, 0, 0, None, 1_750_000_000.5),
    "new": (None, None, 0, None, 1_764_323_081.0),
}


# The fields of schema 4. A new one is added at the end, here too.
FIELDS: dict[type[msgspec.Struct], str] = {
    KeptState: "meter first_seen_unix sessions",
    MeterState: "total_joules excess_joules start_joules settled_joules settled_set_aside_joules sessions"
    " listed_sessions last_session_number current previous evidence switched_on_unix document reported_previous"
    " logs power",
    RunningSession: "energy began_at read_at changed_at began_by begun_on number first_energy first_at"
    " document_energy base set_aside rises peak_watts ended_at ended_by certain",
    PendingDocument: "energy received counted_as",
    LogOrderState: "created time received energy clock_shift delay created_before_reset times_ahead",
    PowerState: "peak last_rate ratio highest_reported",
}


def test_schema_1_is_read_without_changing_the_file(tmp_path: Path) -> None:
    file = place(tmp_path / "data", 1)
    before = file.read_bytes()
    assert totals(read(file.parent)) == SCHEMA_1
    assert file.read_bytes() == before


def test_the_session_list_adds_up_after_a_migration(tmp_path: Path) -> None:
    file = place(tmp_path / "data", 1)
    StateStore.open(file.parent).close()
    with open_to_read(file) as connection:
        for charger_id in SCHEMA_1:
            found = session_query.of_charger(connection, charger_id)
            assert found is not None
            assert found.agrees, charger_id


def test_schema_1_is_migrated_and_keeps_all_totals(tmp_path: Path) -> None:
    file = place(tmp_path / "data", 1)
    with closing(StateStore.open(file.parent)) as store:
        assert store.set_aside is None
        assert totals(store.load()) == SCHEMA_1
    assert totals(read(file.parent)) == SCHEMA_1
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (4,)
    assert {path.name for path in file.parent.iterdir()} == {"state.db", "state.lock"}


def test_the_write_ahead_log_of_schema_1_is_migrated(tmp_path: Path) -> None:
    file = place(tmp_path / "running", 1)
    with closing(sqlite3.connect(file)) as running:
        text = '{"meter":[500,null,0,false,null,null,null,null,null],"first_seen_unix":1.0}'
        running.execute(
            "UPDATE chargers SET state = ?, checksum = ? WHERE charger_id = 'new'",
            (text, zlib.crc32(text.encode(), zlib.crc32(b"new"))),
        )
        running.commit()
        crashed = shutil.copytree(file.parent, tmp_path / "crashed")
    assert (crashed / "state.db-wal").stat().st_size
    with closing(StateStore.open(crashed)) as store:
        assert totals(store.load()) == SCHEMA_1 | {"new": (500, None, 0, None, 1.0)}
    assert {path.name for path in crashed.iterdir()} == {"state.db", "state.lock"}


@pytest.mark.parametrize("schema", [2, 3])
def test_schemas_with_named_fields_are_migrated_with_every_field(tmp_path: Path, schema: int) -> None:
    file = place(tmp_path / "data", schema)
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT CAST(charger_id AS TEXT), CAST(state AS BLOB) FROM chargers").fetchall()
    before = {name: named_fields(content) for name, content in rows}
    assert before.keys() == {"veChargePoint0125896", "new", "set by hand"}
    with closing(StateStore.open(file.parent)) as store:
        assert store.set_aside is None
        after = {charger_id: by_name(state) for charger_id, state in store.load().items()}
    assert after.keys() == before.keys()
    for charger_id, state in before.items():
        assert_kept(state, after[charger_id])
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (4,)


@pytest.mark.parametrize(("stored", "fields"), FIELDS.items())
def test_fields_are_only_added_at_the_end(stored: type[msgspec.Struct], fields: str) -> None:
    """They are stored in their order, without names: one that was moved or removed would change others."""
    known = tuple(fields.split())
    assert stored.__struct_config__.array_like
    assert stored.__struct_fields__[: len(known)] == known
    assert len(stored.__struct_defaults__) >= len(stored.__struct_fields__) - len(known), "a new field has a default"


def test_schema_4_is_read(tmp_path: Path) -> None:
    place(tmp_path / "before", 3)
    file = place(tmp_path / "data", 4)
    assert read(file.parent) == read(tmp_path / "before")
    with closing(StateStore.open(file.parent)) as store:
        assert store.set_aside is None


def test_totals_are_kept_if_the_migration_finds_damage(tmp_path: Path) -> None:
    file = place(tmp_path / "data", 3)
    kept = read(file.parent)
    with closing(sqlite3.connect(file)) as database:
        # The pages of a table that was dropped are free: the migration uses them, and no examination reads them.
        database.execute("CREATE TABLE dropped AS SELECT zeroblob(200000)")
        database.execute("DROP TABLE dropped")
        database.commit()
    content = bytearray(file.read_bytes())
    first_free = int.from_bytes(content[32:36])
    content[(first_free - 1) * PAGE_BYTES : first_free * PAGE_BYTES] = b"\xff" * PAGE_BYTES
    file.write_bytes(content)
    with closing(StateStore.open(file.parent)) as store:
        assert store.set_aside is not None
        assert store.set_aside.has_kept_totals
        assert store.set_aside.file.read_bytes() == content
        assert store.load() == kept


def named_fields(content: bytes) -> object:
    return msgspec.json.decode(content) if content.startswith(b"{") else msgspec.msgpack.decode(content)


def by_name(value: object) -> object:
    """A state as nested dictionaries."""
    if isinstance(value, msgspec.Struct):
        return {name: by_name(part) for name, part in msgspec.structs.asdict(value).items()}
    return list(value) if isinstance(value, tuple) else value


def assert_kept(before: object, after: object) -> None:
    """Each value of `before` is in `after`, which may have more."""
    if not isinstance(before, dict):
        assert before == after
        return
    assert isinstance(after, dict)
    for name, value in before.items():
        assert_kept(value, after[name])


@pytest.mark.parametrize("is_migrated", [False, True])
@pytest.mark.parametrize("schema", [2, 3, 4])
def test_schemas_with_sessions_have_totals_and_sessions(tmp_path: Path, schema: int, *, is_migrated: bool) -> None:
    file = place(tmp_path / "data", schema)
    if is_migrated:
        StateStore.open(file.parent).close()
    kept = read(file.parent)
    assert {name: state.meter.total_joules for name, state in kept.items()} == {
        "veChargePoint0125896": 173_124_000,
        "new": None,
        "set by hand": 36_000_000,
    }
    with open_to_read(file) as connection:
        found = [session_query.of_charger(connection, name) for name in sorted(kept)]
        assert session_query.damaged_days(connection, Period()) == []
    assert all(each is not None and each.agrees and not each.unreadable for each in found)
    assert found[2] is not None
    assert [(each.number, each.energy_joules) for each in found[2].sessions] == [
        (1, 36_000_000),
        (2, 39_600_000),
        (3, 44_424_000),
        (4, 46_800_000),
        (5, 6_300_000),
    ]


def test_a_newer_file_is_rejected_and_not_changed(tmp_path: Path) -> None:
    StateStore.open(tmp_path).close()
    file = tmp_path / STATE_FILE
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 5")
    before = file.read_bytes()
    for use in (StateStore.open, read):
        with pytest.raises(StateError, match=r"was written by a newer exporter \(schema 5, this one knows 4\)"):
            use(tmp_path)
    assert file.read_bytes() == before


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_the_database_of_another_program_is_rejected_and_not_changed(tmp_path: Path, journal: str) -> None:
    file = tmp_path / STATE_FILE
    with closing(sqlite3.connect(file)) as database:
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.execute("CREATE TABLE chargers (name TEXT)")
    before = file.read_bytes()
    for use in (StateStore.open, read):
        with pytest.raises(StateError, match=r"state\.db is the database of another program"):
            use(tmp_path)
    assert file.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} <= {"state.db", "state.lock"}
