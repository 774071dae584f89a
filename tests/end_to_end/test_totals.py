"""The energy counters are correct after many sessions."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from exporter.simulator import Plan, Simulator, SimulatorOptions
from tests.end_to_end.program import Exporter, account
from tests.processes import SECONDS, wait_until

JOULES_PER_KWH = 3_600_000
# Sessions of 10 to 20 minutes and pauses of 5 to 10, at two minutes per second: many sessions in a short time.
BUSY = SimulatorOptions(
    chargers=20,
    speed=120,
    seed=7,
    payloads="mixed",
    plan=Plan(session=(600, 1200), idle=(300, 600), weak_wifi_one_in=0),
)
SESSIONS = 40


async def test_every_counter_is_the_simulators_true_total(
    tmp_path: Path, start_exporter: Callable[..., Exporter]
) -> None:
    async with Simulator(BUSY) as simulator:
        token = tmp_path / "token"
        token.write_text(simulator.token)
        config = {"accounts": [account(simulator.url, token, simulator.charger_ids)]}
        await asyncio.to_thread(compare, simulator.url, start_exporter, config)


def compare(url: str, start_exporter: Callable[..., Exporter], config: dict[str, Any]) -> None:
    """Wait for sessions, pause the simulator, and compare."""

    def chargers() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{url}/simulator/totals", timeout=SECONDS).json()["chargers"]
        return found

    def all_chargers(action: str) -> None:
        requests.post(f"{url}/simulator/chargers/all/{action}", timeout=SECONDS)

    # A session that begins and ends before the exporter starts would only be in the truth.
    all_chargers("pause")
    exporter = start_exporter(config)
    exporter.wait_until_up(len(chargers()))
    all_chargers("resume")
    wait_until(lambda: sum(one["sessions"] for one in chargers()) >= SESSIONS, f"{SESSIONS} sessions", 2 * SECONDS)
    all_chargers("pause")
    wait_until(lambda: all(one["connected"] for one in chargers()), "every charger connected again")
    truth = {one["id"]: one["total_kwh"] for one in chargers()}

    def off_by() -> dict[str, float]:
        counted = exporter.values("vecharge_charger_energy_joules_total")
        return {name: counted.get(name, 0.0) / JOULES_PER_KWH - kwh for name, kwh in truth.items()}

    wait_until(lambda: max(map(abs, off_by().values())) < 0.01, lambda: f"the true totals: off by {off_by()}")
    assert sum(truth.values()) > 1.0
    assert exporter.problems() == []
