"""The fleet, its clock and its scheduler."""

import ast
from pathlib import Path

import pytest

import exporter.simulator
from exporter.simulator import STEADY, Plan, Simulator, SimulatorOptions
from exporter.simulator.clock import SimulatedClock
from tests.simulator.client import listening
from tests.simulator.conftest import Http


async def test_created_at_follows_the_simulated_clock_from_its_start() -> None:
    options = SimulatorOptions(chargers=1, speed=3600, seed=1, plan=STEADY, start=1_700_000_000)
    async with Simulator(options) as simulator, listening(simulator, "sim-0001") as (recorder, _):
        last = await recorder.wait_for("newLog", 100)

    times = [log["createdAt"] for log in recorder.payloads("newLog")]
    assert times == sorted(times)
    assert "2023-11-14T22:13:20.000Z" < times[0] < "2023-11-15"
    assert last["createdAt"] > "2023-11-14T22:29"


def test_the_clock_does_not_run_before_it_is_started() -> None:
    assert SimulatedClock(1_700_000_000, 60).now() == 0


async def test_the_same_seed_sends_the_same_logs() -> None:
    sent = []
    for _ in range(2):
        options = SimulatorOptions(chargers=2, speed=600, seed=7, start=1_700_000_000, plan=Plan(weak_wifi_one_in=0))
        async with Simulator(options) as simulator, listening(simulator, "sim-0001") as (recorder, _):
            await recorder.wait_for("newLog", 50)
        sent.append({log["createdAt"]: log for log in recorder.payloads("newLog")})

    common = sent[0].keys() & sent[1].keys()
    assert len(common) >= 20
    assert all(sent[0][at] == sent[1][at] for at in common)


async def test_two_simulators_without_a_seed_have_different_seeds() -> None:
    first, second = Simulator(SimulatorOptions(chargers=1)), Simulator(SimulatorOptions(chargers=1))

    assert first.seed != second.seed


async def test_the_totals_name_every_charger(simulator: Simulator, http: Http) -> None:
    totals = await http.get("/simulator/totals")

    assert [row["id"] for row in totals["chargers"]] == simulator.charger_ids
    assert simulator.charger_ids == ["sim-0001", "sim-0002", "sim-0003", "sim-0004"]
    assert totals["seed"] == 1
    assert totals["chargers"][0].keys() == {
        *("id", "total_kwh", "sessions", "status", "wifi", "paused", "connected", "logs", "logs_sent")
    }


async def test_with_faults_at_random_the_newest_true_log_is_still_the_total() -> None:
    options = SimulatorOptions(chargers=1, speed=600, seed=5, plan=STEADY, faults=0.5)
    async with Simulator(options) as simulator, listening(simulator, "sim-0001") as (recorder, _):
        await recorder.wait_for("newLog", 200)
        truth = simulator.service.chargers["sim-0001"].charger

        logs = [log for log in recorder.payloads("newLog") if isinstance(log, dict)]
        energies = [log["energy"] for log in logs if isinstance(log["energy"], int | float)]
        assert 0 in energies, "a blip is among the faults"
        assert -1 in energies, "a corrupt log is among the faults"
        assert len({log["createdAt"] for log in logs}) < len(logs), "a repeated log is among the faults"
        highest = max(energy for energy in energies if energy < 1000)
        assert highest <= truth.total_hundredths / 100


def test_the_simulator_does_not_import_the_exporter() -> None:
    for file in Path(exporter.simulator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            ours = [module for module in modules if module.split(".")[0] == "exporter"]
            assert all(module.startswith("exporter.simulator") for module in ours), file.name


async def test_an_address_in_use_is_an_os_error(simulator: Simulator) -> None:
    taken = int(simulator.url.rpartition(":")[2])

    with pytest.raises(OSError, match="address already in use"):
        await Simulator(SimulatorOptions(chargers=1, port=taken)).start()


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_the_url_is_valid_in_a_configuration(host: str, shown: str) -> None:
    assert Simulator(SimulatorOptions(host=host, port=1234)).url == f"http://{shown}:1234"
