"""Fixtures and options of all tests."""

import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import debian
from tests.cache import UnavailableError
from tests.node.service import Generation, NodeService, modules

HERE = Path(__file__).parent
# Folders of tests that run whole programs.
PROGRAMS = (
    "torture",
    "docs",
    "chaos",
    "packaging",
    "rules",
    "end_to_end",
    "benchmarks",
    "config/reload",
    "state",
    "dashboards",
)
# The order in which tests start: the files that take longest, folders with long files, and last all others, which are
# short. So all workers end at the same time, and the tests that mostly wait run beside those that compute.
ORDER = (
    "torture",
    "rules/test_alerts_end_to_end.py",
    "docs/test_commands.py",
    "chaos/test_leaks.py",
    *PROGRAMS,
    "web",
    "stream",
    "cli",
)

# Examples have no deadline: how long one takes depends on the machine. CI tries the same examples every time.
settings.register_profile(
    "rules", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("rules")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="write the golden files instead of comparing")
    parser.addoption("--quick", action="store_true", help="leave out the tests that run whole programs or a browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _place(item.path, ORDER))
    if config.getoption("--quick"):
        items[:] = [
            item for item in items if _place(item.path, PROGRAMS) == len(PROGRAMS) and "browser" not in _fixtures(item)
        ]
    if config.getoption("--renew-golden"):
        items[:] = [item for item in items if "golden" in _fixtures(item)]


def _fixtures(item: pytest.Item) -> list[str]:
    names: list[str] = getattr(item, "fixturenames", [])
    return names


def _place(path: Path, order: Sequence[str]) -> int:
    """The lowest index in `order` of the file or a folder of it, or the length of `order` if none is there."""
    file = path.relative_to(HERE)
    names = map(str, (file, *file.parents))
    return min((order.index(name) for name in names if name in order), default=len(order))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)` compares `text` with the file `tests/golden/NAME`."""
    renew = request.config.getoption("--renew-golden")

    def compare(name: str, text: str) -> None:
        file = HERE / "golden" / name
        if renew:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        expected = file.read_text() if file.exists() else ""
        if text != expected:
            lines = difflib.unified_diff(expected.splitlines(), text.splitlines(), name, "now", lineterm="")
            pytest.fail("\n".join([*lines, "", "if the change is intended: make golden"]), pytrace=False)

    return compare


@pytest.fixture(scope="session")
def promtool() -> Path:
    return or_skip(debian.promtool)


@pytest.fixture(scope="session")
def prometheus_binary() -> Path:
    return or_skip(debian.prometheus)


@pytest.fixture(scope="session")
def alertmanager_binary() -> Path:
    return or_skip(debian.alertmanager)


@pytest.fixture(scope="session")
def amtool() -> Path:
    return or_skip(debian.amtool)


@pytest.fixture
def node_service(tmp_path: Path) -> Iterator[Callable[..., NodeService]]:
    """`node_service(generation, ...)` starts a Socket.IO server in Node.js for this test."""
    or_skip(modules)
    with ExitStack() as running:

        def start(generation: Generation = "2", **options: int) -> NodeService:
            output = tmp_path / f"node-{len(list(tmp_path.glob('node-*.log')))}.log"
            return running.enter_context(NodeService(output, generation, **options))

        yield start


def or_skip(find: Callable[[], Path]) -> Path:
    """Return what `find` returns. If it is not available, skip the test, or fail it in CI."""
    try:
        return find()
    except UnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
