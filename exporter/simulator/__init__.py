"""A simulated veCharge service for the demo and the tests.

It imports nothing from the rest of the exporter, so that both cannot have the same mistake.

    async with Simulator(SimulatorOptions(chargers=12, speed=60)) as simulator:
        print(simulator.url, simulator.token, simulator.charger_ids)

`vecharge-exporter simulate --help` lists its HTTP requests.
"""

from exporter.simulator.options import SimulatorOptions
from exporter.simulator.plan import STEADY, Plan
from exporter.simulator.server import Simulator

__all__ = ["STEADY", "Plan", "Simulator", "SimulatorOptions"]
