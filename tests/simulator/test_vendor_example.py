"""The vendor's example runs against the simulator, step by step as in its text."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter.simulator import Plan, Simulator, SimulatorOptions
from tests.processes import SECONDS
from tests.simulator.conftest import Http

EXAMPLE = Path(__file__).with_name("vendor_example.py")
IDLE = Plan(session=(1e9, 1e9), idle=(1e9, 1e9), charging_at_start=0.0, weak_wifi_one_in=0)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Four chargers that are off until they are switched on, with the default payloads."""
    async with Simulator(SimulatorOptions(chargers=4, speed=60, seed=1, plan=IDLE)) as running:
        yield running


class Example:
    """The running example and its output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def prints(self) -> str:
        """Its next line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            return (await self._process.stdout.readline()).decode().rstrip("\n")


@pytest.fixture
async def example(simulator: Simulator) -> AsyncIterator[Example]:
    pipe = asyncio.subprocess.PIPE
    arguments = (str(EXAMPLE), simulator.url, simulator.token, "sim-0002")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
    try:
        yield Example(process)
    finally:
        process.kill()
        await process.wait()


async def test_the_vendors_example_runs_step_by_step(example: Example, http: Http) -> None:
    # The document may come before or after the library has called `connect`: each has a thread of its own.
    assert {await example.prints(), await example.prints()} == {"connected", "document sim-0002 OFF"}

    assert await http.switch("sim-0002", "ON") == 200
    printed = [await example.prints() for _ in range(4)]
    assert "status ON" in printed
    assert sum(line.startswith("log ") for line in printed) == 3

    assert await http.switch("sim-0002", "OFF") == 200
    while (line := await example.prints()).startswith("log "):
        pass
    assert {line, await example.prints()} == {"status OFF", "disconnected"}
