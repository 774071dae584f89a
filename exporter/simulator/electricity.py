"""Voltage and current of a charging session: one phase of the Indian grid, and what a car draws from it.

Everything here is a function of time, so that the same seed gives the same readings however busy the machine
is. Times are seconds; volts, amperes, watts.
"""

import math
from dataclasses import dataclass

NOMINAL_VOLTS = 230.0
POWER_FACTOR = 0.98
RAMP_SECONDS = 40.0
# A car that is nearly full still draws a little for its cooling and its balancing.
TAPERED_SHARE = 0.1
# Amplitude (V) and period (s) of what moves the mains: the day, the neighbours, the neighbours' motors.
SWINGS = ((6.0, 86_400.0), (3.0, 1_380.0), (0.8, 41.0))
# The wire to the charger: what its own current costs in voltage.
WIRE_OHMS = 0.12


@dataclass(frozen=True, slots=True)
class Sample:
    """What the meter of a charger shows at one instant."""

    volts: float
    amperes: float

    @property
    def watts(self) -> float:
        """Active power."""
        return self.volts * self.amperes * POWER_FACTOR


DEAD = Sample(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Mains:
    """The supply of one site: 230 V that swings, each site at its own phase (radians)."""

    phases: tuple[float, float, float]

    def volts(self, at: float, amperes: float) -> float:
        """The voltage at the charger while it delivers `amperes`."""
        volts = NOMINAL_VOLTS - WIRE_OHMS * amperes
        for (swing, period), phase in zip(SWINGS, self.phases, strict=True):
            volts += swing * math.sin(math.tau * at / period + phase)
        return volts


@dataclass(frozen=True, slots=True)
class Demand:
    """What one car draws over one session: a short ramp, a plateau, a taper as its battery fills."""

    plateau_amperes: float
    seconds: float
    taper_share: float

    def amperes(self, elapsed: float) -> float:
        """The current `elapsed` seconds after the session began."""
        ramp = min(RAMP_SECONDS, self.seconds / 10)
        if elapsed < ramp:
            return self.plateau_amperes * max(elapsed, 0.0) / ramp
        taper = self.seconds * self.taper_share
        left = max(self.seconds - elapsed, 0.0)
        if left >= taper:
            return self.plateau_amperes
        return self.plateau_amperes * (TAPERED_SHARE + (1 - TAPERED_SHARE) * left / taper)
