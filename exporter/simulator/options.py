"""What to simulate."""

from dataclasses import dataclass, field

from exporter.simulator.plan import Plan


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """What to simulate.

    `port` 0 takes any free one. `speed` is simulated seconds a second. `log_interval` is in simulated seconds.
    `seed` None draws one. `faults` is the number of faults a log, 0 to 1. `start` is the unix time at which the
    simulated clock starts; None takes the real time.
    """

    host: str = "127.0.0.1"
    port: int = 0
    chargers: int = 12
    speed: float = 1.0
    log_interval: float = 10.0
    seed: int | None = None
    faults: float = 0.0
    start: float | None = None
    plan: Plan = field(default_factory=Plan)
