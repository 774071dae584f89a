"""The simulated service that a torture runs against, as a program: sessions begin and end by request only.

Its clock is fast and starts in the past, so that it never runs ahead of the exporter's.
"""

import argparse
import asyncio
import time

from exporter.cli.demo import run_simulator
from exporter.simulator import Plan, SimulatorOptions

FOR_EVER = (1e9, 1e9)
AS_TOLD = Plan(session=FOR_EVER, idle=FOR_EVER, charging_at_start=0.0, weak_wifi_one_in=0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chargers", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--faults", type=float, required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="How long it runs at the most.")
    given = parser.parse_args()
    options = SimulatorOptions(
        chargers=given.chargers,
        speed=given.speed,
        log_interval=given.speed / 4,
        seed=given.seed,
        faults=given.faults,
        payloads="mixed",
        start=time.time() - given.seconds * given.speed,
        plan=AS_TOLD,
    )
    asyncio.run(run_simulator(options))


if __name__ == "__main__":
    main()
