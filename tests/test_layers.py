"""The rooms of docs/design.md: imports run in one direction."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "exporter"
# From the bottom up. A room imports only from the rooms before it and from itself.
ROOMS = (
    "errors",
    "logs",
    "gc_tuning",
    "daemon_thread",
    "charger",
    "metrics",
    "config",
    "stream",
    "fleet",
    "state",
    "web",
    "app",
    "simulator",
    "cli",
)
# Each of these libraries is imported in one room only.
DOORS = {
    "socketio": "stream",
    "engineio": "stream",
    "aiohttp.web": "web",
    "prometheus_client": "web",
    "sqlite3": "state",
}
# Domain code takes time as an argument and touches no socket or file.
IMPURE = {"asyncio", "time", "socket", "pathlib", "os", "io", "threading", "subprocess", "aiohttp", "requests"}
CLOCK = HOUSE / "charger/clock.py"

FILES = sorted(HOUSE.rglob("*.py"))
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))


def room_of(file: Path) -> str:
    """The room a file belongs to; a file at the top is a room of its own."""
    return file.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    """The full dotted name of every import of the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(file: Path) -> set[str]:
    """The rooms that the file imports from; the version is the package's own."""
    names = {name.split(".")[1] for name in imports(file) if name.startswith("exporter.")}
    return names - {"__version__"}


def uses(file: Path, library: str) -> bool:
    return any(f"{name}.".startswith(f"{library}.") for name in imports(file))


def test_the_table_of_the_design_document_names_every_file() -> None:
    design = (HOUSE.parent / "docs/design.md").read_text()
    table = design.partition("## The rooms")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_/]+\.py)`", table)) - {"tests/test_layers.py"}
    there = {str(file.relative_to(HOUSE)) for file in FILES if file.name != "__init__.py"}
    assert named == {name for name in there if not name.startswith("simulator/")}


def test_every_file_belongs_to_a_known_room() -> None:
    assert {room_of(file) for file in FILES} - {"__init__"} == set(ROOMS)


@each_file
def test_imports_run_in_one_direction(file: Path) -> None:
    room = room_of(file)
    if room == "__init__":
        assert not rooms_imported(file)
        return
    forbidden = set(ROOMS[ROOMS.index(room) + 1 :])
    assert not rooms_imported(file) & forbidden, f"{room} imports upward"


@each_file
def test_a_library_is_imported_in_one_room_only(file: Path) -> None:
    if room_of(file) == "simulator":
        return
    for library, room in DOORS.items():
        assert room_of(file) == room or not uses(file, library), f"{file.name} imports {library}: only {room}/ does"


@pytest.mark.parametrize("file", sorted((HOUSE / "charger").glob("*.py")), ids=lambda file: file.name)
def test_domain_code_is_pure(file: Path) -> None:
    used = {library for library in IMPURE if uses(file, library)}
    assert used <= ({"time"} if file == CLOCK else set())


def test_the_simulator_shares_nothing_with_the_exporter() -> None:
    shared = {name for file in (HOUSE / "simulator").rglob("*.py") for name in rooms_imported(file)}
    assert shared <= {"simulator"}, f"the simulator would share the mistakes of {sorted(shared - {'simulator'})}"


def test_only_pages_and_passwords_are_handed_to_the_few_threads_of_asyncio() -> None:
    """A disk that hangs would take them all: what it may delay runs in threads of its own."""
    handing = re.compile(r"\bto_thread\b|\brun_in_executor\b")
    files = {file for file in FILES if handing.search(file.read_text()) and room_of(file) != "simulator"}
    assert files == {HOUSE / "web" / name for name in ("api.py", "passwords.py", "scrape.py")}
