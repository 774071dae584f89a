"""Voltage and current of a charging session on one phase of the Indian grid.

Everything here is a function of time, so that the same seed gives the same readings on a busy machine. SI units.
"""

import math
from dataclasses import dataclass

NOMINAL_VOLTS = 230.0
POWER_FACTOR = 0.98
RAMP_SECONDS = 40.0
# A car that is nearly full still draws a little for cooling and balancing.
TAPERED_SHARE = 0.1
# Amplitude (V) and period (s) of the variations of the voltage: over a day, by neighbours, by motors.
SWINGS = ((6.0, 86_400.0), (3.0, 1_380.0), (0.8, 41.0))
# The resistance of the wire to the charger.
WIRE_OHMS = 0.12


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of a charger's meter at one instant."""

    volts: float
    amperes: float

    @property
    def watts(self) -> float:
        """Active power."""
        return self.volts * self.amperes * POWER_FACTOR


NO_POWER = Sample(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Mains:
    """The supply of one site: 230 V with variations, whose phases (radians) differ between sites."""

    phases: tuple[float, float, float]

    def volts(self, at: float, amperes: float) -> float:
        """Return the voltage at the charger while it delivers `amperes`."""
        volts = NOMINAL_VOLTS - WIRE_OHMS * amperes
        for (swing, period), phase in zip(SWINGS, self.phases, strict=True):
            volts += swing * math.sin(math.tau * at / period + phase)
        return volts


@dataclass(frozen=True, slots=True)
class Demand:
    """The current of one car in one session: a short ramp, a plateau, a taper as the battery fills."""

    plateau_amperes: float
    seconds: float
    taper_share: float

    def amperes(self, elapsed: float) -> float:
        """Return the current `elapsed` seconds after the session began."""
        ramp = min(RAMP_SECONDS, self.seconds / 10)
        if elapsed < ramp:
            return self.plateau_amperes * max(elapsed, 0.0) / ramp
        taper = self.seconds * self.taper_share
        left = max(self.seconds - elapsed, 0.0)
        if left >= taper:
            return self.plateau_amperes
        return self.plateau_amperes * (TAPERED_SHARE + (1 - TAPERED_SHARE) * left / taper)
