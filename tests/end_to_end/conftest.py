"""The program and its services, each stopped at the end of the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import PROGRAM, Exporter, account
from tests.processes import Process


@pytest.fixture
def start_exporter(tmp_path: Path) -> Iterator[Callable[..., Exporter]]:
    """`start_exporter(config, ...)` runs the program for this test."""
    with ExitStack() as running:

        def start(config: dict[str, Any] | None = None, **options: Any) -> Exporter:
            exporter = Exporter(tmp_path / "exporter", config, **options)
            running.callback(exporter.process.stop)
            return exporter

        yield start


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The configuration for a simulator that runs during this test, an hour a minute."""
    arguments = ["--listen-address=127.0.0.1:0", "--chargers=12", "--speed=60", "--seed=1"]
    with Process(PROGRAM, "simulate", *arguments, output=tmp_path / "simulator.log") as simulator:
        printed = simulator.wait_for_line(r"VECHARGE_URL=(\S+) VECHARGE_TOKEN=(\S+)\n.*VECHARGE_CHARGERS=(\S+)")
        token = tmp_path / "token"
        token.write_text(printed[2])
        yield {"accounts": [account(printed[1], token, printed[3].split(","))]}
