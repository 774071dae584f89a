"""The options of the simulator."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from exporter.simulator.plan import Plan


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """The options of the simulator.

    `port` 0 takes a free one. `speed` is the time acceleration factor. `log_interval` is in simulated seconds.
    `seed` None takes a random one. `faults` is the number of faults per log, 0 to 1. `payloads` says how payloads are
    sent: as JSON text, as the vendor documents, as objects, or each charger in one of the two ways. `start` is
    the unix time at which the simulated clock starts; None takes the real time, or a day before it if `speed` is above
    1. With `tls_cert` and `tls_key` (PEM) the service is served over TLS.
    """

    host: str = "127.0.0.1"
    port: int = 0
    chargers: int = 12
    speed: float = 1.0
    log_interval: float = 10.0
    seed: int | None = None
    faults: float = 0.0
    payloads: Literal["text", "object", "mixed"] = "text"
    start: float | None = None
    plan: Plan = field(default_factory=Plan)
    tls_cert: Path | None = None
    tls_key: Path | None = None
