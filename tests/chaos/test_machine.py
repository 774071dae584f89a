"""What can happen to the exporter's own machine. Disks: tests/state/test_crashes.py."""

import resource
from contextlib import ExitStack
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
# Before the first attempt after a connection that was lost: the shortest backoff.
MAX_FIRST_WAIT = 2.0


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
@holds(harmless("The machine's clock steps by an hour, either way"))
async def test_a_step_of_the_clock_costs_no_reading_and_no_energy(scene: Scene, step: float) -> None:
    async with scene.suffering():
        for _ in range(30):  # up to the present, by the charger's clock
            await scene.charge(0.01)
        scene.clock_offset = step
        await scene.until_up()
        await scene.charge(0.5)
        await scene.charge(0.5)
        await scene.until_up()
        await scene.unnoticed()
        scene.clock_offset = 0.0


@holds(connect_failure("The limit of open files is reached", "other", "raise the limit of open files"))
def test_at_the_limit_of_open_files_the_rest_goes_on_and_room_is_used_once_there_is_some(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fault = fault_of(request.function)
    assert fault.within is not None
    with (
        SimulatedService(tmp_path / "simulator", chargers=4, speed=60, seed=3) as service,
        ExitStack() as running,
        requests.Session() as prometheus,
    ):
        service.act("pause")
        # Not in a file: that could not be opened either.
        account = {"name": "test", "url": service.url, "token": service.token.read_text()}
        exporter = Exporter(tmp_path / "exporter", {"accounts": [account | {"chargers": service.charger_ids}]})
        running.callback(exporter.process.stop)
        exporter.wait_until_up(4)
        energies = exporter.values("vecharge_charger_energy_joules_total")

        def scraped(metric: str) -> float:
            # Like Prometheus, over one connection that stays: for another the process has no file left.
            page = prometheus.get(f"{exporter.url}/metrics", timeout=SECONDS).text
            samples = [s for family in text_string_to_metric_families(page) for s in family.samples]
            return sum(s.value for s in samples if s.name == metric)

        assert scraped("vecharge_charger_up") == 4
        _, hard = resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE, (3, hard))
        service.act("drop")
        exporter.process.wait_for_line(fault.log, fault.within.seconds + MAX_FIRST_WAIT)
        wait_until(lambda: scraped("vecharge_account_connect_failures_total") >= 4, "a failure of each")
        assert scraped("vecharge_charger_up") == 0
        assert scraped("vecharge_charger_energy_joules_total") == sum(energies.values())
        resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        exporter.wait_until_up(4)
        assert exporter.values("vecharge_charger_energy_joules_total") == energies
