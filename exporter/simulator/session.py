"""A charging session and the meter that counts its energy."""

import math
from dataclasses import dataclass

from exporter.simulator.electricity import NO_POWER, Demand, Mains, Sample

JOULES_PER_HUNDREDTH = 36_000
# The meter is read at least this often.
METER_STEP_SECONDS = 60.0


@dataclass(slots=True)
class Session:
    """User, start and energy of a session, as of the last reading at `metered_at` (simulated seconds)."""

    user_id: str
    mains: Mains
    demand: Demand
    began: float
    metered_at: float
    sample: Sample = NO_POWER
    joules: float = 0.0

    @property
    def hundredths(self) -> int:
        """The energy that the charger reports: whole hundredths of a kWh."""
        return int(self.joules / JOULES_PER_HUNDREDTH)

    @property
    def ends(self) -> float:
        """When the car is full."""
        return self.began + self.demand.seconds

    def read_meter(self, at: float) -> None:
        """Add the energy since the last reading, by the trapezoid rule."""
        steps = max(1, math.ceil((at - self.metered_at) / METER_STEP_SECONDS))
        start, width = self.metered_at, (at - self.metered_at) / steps
        for step in range(1, steps + 1):
            instant = start + width * step
            amperes = self.demand.amperes(instant - self.began)
            sample = Sample(self.mains.volts(instant, amperes), amperes)
            self.joules += width * (self.sample.watts + sample.watts) / 2
            self.sample = sample
        self.metered_at = at
