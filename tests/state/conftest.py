"""The program over a simulated service that stands still unless it is told otherwise."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import Exporter
from tests.simulated import SimulatedService


@pytest.fixture
def service(tmp_path: Path) -> Iterator[SimulatedService]:
    """Four chargers that do nothing on their own; a simulated minute a second."""
    with SimulatedService(tmp_path / "simulator", chargers=4, speed=60, seed=3) as service:
        service.act("pause")
        yield service


@pytest.fixture
def start(tmp_path: Path, service: SimulatedService) -> Iterator[Callable[..., Exporter]]:
    """`start()` runs an exporter that watches the service and keeps its state in one place."""
    with ExitStack() as running:

        def start(config: dict[str, Any] | None = None, **options: Any) -> Exporter:
            exporter = Exporter(tmp_path / "exporter", config or {"accounts": [service.account()]}, **options)
            running.callback(exporter.process.stop)
            return exporter

        yield start


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """Where those exporters keep their state."""
    return tmp_path / "exporter" / "data"
