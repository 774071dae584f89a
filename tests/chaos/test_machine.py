"""Faults of the exporter's machine. test_state_file.py has those of disks."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.chaos.faults import connect_failure, fault_of, harmless, holds
from tests.chaos.scene import Scene
from tests.end_to_end.program import Exporter
from tests.processes import SECONDS, wait_until
from tests.simulated import SimulatedService

HOUR = 3600.0
# The wait before the first attempt after a lost connection: the shortest backoff.
MAX_FIRST_WAIT = 2.0


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
@holds(harmless("The machine's clock steps by an hour, forwards or backwards"))
async def test_a_step_of_the_clock_loses_neither_readings_nor_energy(scene: Scene, step: float) -> None:
    async with scene.with_fault():
        scene.write_in_the_present()
        await scene.charge(0.01)
        scene.clock_offset = step
        await scene.until_up()
        await scene.charge(0.05)
        await scene.charge(0.05)
        await scene.until_up()
        await scene.unnoticed()
        scene.clock_offset = 0.0


@contextmanager
def watching(folder: Path) -> Iterator[tuple[SimulatedService, Exporter]]:
    """The whole program, with four chargers of a paused service."""
    with SimulatedService(folder / "simulator", chargers=4, speed=60, seed=3) as service:
        service.act("pause")
        exporter = Exporter(folder / "exporter", {"accounts": [service.account()]})
        with exporter.process:
            exporter.wait_until_up(4)
            yield service, exporter


@contextmanager
def open_files_limited(exporter: Exporter, limit: int) -> Iterator[None]:
    """During the block no file of this number or above can be opened."""
    _, hard = resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE, (hard, hard))


@holds(connect_failure("The limit of open files is reached", "other", "raise the limit of open files"))
def test_at_the_limit_of_open_files_other_streams_continue(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fault = fault_of(request.function)
    assert fault.within is not None
    with watching(tmp_path) as (service, exporter), requests.Session() as prometheus:
        energies = exporter.values("vecharge_charger_energy_joules_total")

        def scraped(metric: str) -> float:
            # Over one persistent connection, like Prometheus: the process has no file left for another.
            page = prometheus.get(f"{exporter.url}/metrics", timeout=SECONDS).text
            samples = [s for family in text_string_to_metric_families(page) for s in family.samples]
            return sum(s.value for s in samples if s.name == metric)

        assert scraped("vecharge_charger_up") == 4
        with open_files_limited(exporter, 3):
            service.act("drop")
            exporter.process.wait_for_line(fault.log, fault.within.seconds + MAX_FIRST_WAIT)
            wait_until(lambda: scraped("vecharge_account_connect_failures_total") >= 4, "a failure of each")
            assert scraped("vecharge_charger_up") == 0
            assert scraped("vecharge_charger_energy_joules_total") == sum(energies.values())
        exporter.wait_until_up(4)
        assert exporter.values("vecharge_charger_energy_joules_total") == energies
