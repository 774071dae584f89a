"""The house of docs/design.md stands: imports point downward only."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "exporter"
# From the ground up. Within a floor a module may use those named before it, so nothing ever goes in a circle.
FLOORS = (
    (
        "errors",
        "clock",
        "duration",
        "file_mark",
        "file_pattern",
        "regular_file",
        "threads",
        "garbage",
        "pacing",
        "turns",
    ),
    ("wire", "energy", "tokens", "logs", "diagnosis", "payload", "negotiation", "number_text", "proxy"),
    ("document", "settings", "config", "sharding", "web_config", "passwords"),
    ("account", "process", "events", "charger", "state_file", "store"),
    ("metrics", "client", "connection", "stream"),
    ("power_history", "exposition", "handshake", "check", "healthcheck", "fleet"),
    ("commits", "scrape", "reload"),
    ("web",),
    ("simulator", "app"),
    ("demo", "reference", "state_command", "flags", "cli", "__main__"),
)
HEIGHT = {module: height for height, module in enumerate(module for floor in FLOORS for module in floor)}
# The one door to each of these libraries; the simulator has doors of its own.
DOORS = {"socketio": "client", "engineio": "client", "aiohttp.web": "web"}

FILES = sorted(HOUSE.rglob("*.py"))


def module_of(file: Path) -> str:
    """The module of the house that a file belongs to: a package is one."""
    return file.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    """Every name that is imported anywhere in the file, dotted and whole."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(file: Path) -> set[str]:
    """The modules of the house that the file imports; its version is the house's own name plate."""
    names = {name.split(".")[1] for name in imports(file) if name.startswith("exporter.")}
    return names - {"__version__"}


def test_the_design_shows_every_module_on_its_floor() -> None:
    shown: dict[str, int] = {}
    for line in (HOUSE.parent / "docs/design.md").read_text().splitlines():
        if row := re.match(r"\| (\d) \| ((?:`[a-z_]+(?:\.py|/)`(?:, )?)+) \|", line):
            shown |= {name.strip("`").removesuffix(".py").rstrip("/"): int(row[1]) for name in row[2].split(", ")}
    modules = {module_of(file) for file in FILES} - {"__init__"}
    assert shown == {name: floor for floor, names in enumerate(FLOORS) for name in names if name in modules}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))
def test_imports_point_downward_only(file: Path) -> None:
    module = module_of(file)
    if module == "__init__":
        assert not own_imports(file)
        return
    assert module in HEIGHT, f"{module} has no floor: give it one, here and in docs/design.md"
    upward = {other for other in own_imports(file) - {module} if HEIGHT[other] >= HEIGHT[module]}
    assert not upward, f"{module} imports upward: {sorted(upward)}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))
def test_a_library_has_one_door(file: Path) -> None:
    module = module_of(file)
    if module == "simulator":
        return
    for library, door in DOORS.items():
        used = any(f"{name}.".startswith(f"{library}.") for name in imports(file))
        assert module == door or not used, f"{module} imports {library}: only {door} does"


def test_the_simulator_shares_nothing_with_the_exporter() -> None:
    shared = {name for file in (HOUSE / "simulator").rglob("*.py") for name in own_imports(file)}
    assert shared <= {"simulator"}, f"the simulator would share the mistakes of {sorted(shared - {'simulator'})}"
