"""A state store, and the program over a simulated service that does nothing by itself."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from exporter.state.store import StateStore
from tests.end_to_end.program import Exporter
from tests.processes import SECONDS
from tests.simulated import SimulatedService
from tests.state.committed_fleet import CommittedFleet, Disk


@pytest.fixture
def service(tmp_path: Path) -> Iterator[SimulatedService]:
    """Four chargers that do nothing by themselves. A second is a simulated minute."""
    with SimulatedService(tmp_path / "simulator", chargers=4, speed=60, seed=3) as service:
        service.act("pause")
        yield service


@pytest.fixture
def start(tmp_path: Path, service: SimulatedService) -> Iterator[Callable[..., Exporter]]:
    """`start()` runs an exporter that watches the service. All of them use the same state folder."""
    with ExitStack() as running:

        def start(config: dict[str, Any] | None = None, **options: Any) -> Exporter:
            exporter = Exporter(tmp_path / "exporter", config or {"accounts": [service.account()]}, **options)
            running.callback(exporter.process.stop)
            return exporter

        yield start


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """The state folder of those exporters."""
    return tmp_path / "exporter" / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def opened(folder: Path) -> Iterator[StateStore]:
    """An open store in `folder`."""
    with closing(StateStore.open(folder)) as opened:
        yield opened


@pytest.fixture
async def committed() -> AsyncIterator[CommittedFleet]:
    """A fleet whose commits go to a disk that the test controls."""
    disk = Disk()
    yield CommittedFleet(disk)
    disk.works.set()


@pytest.fixture
async def patient() -> AsyncIterator[CommittedFleet]:
    """As `committed`, for commits that must not be late, however busy the machine is."""
    disk = Disk()
    yield CommittedFleet(disk, SECONDS)
    disk.works.set()
