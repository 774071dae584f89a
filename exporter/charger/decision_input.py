"""The input of a decision: the reading, the sessions so far and the evidence of a new one.

Energies are whole joules, times are unix seconds by the charger's clock, powers are watts.
"""

from typing import NamedTuple

from exporter.charger.evidence import NewSessionEvidence
from exporter.charger.sessions import RunningSession


class EnergyReading(NamedTuple):
    """An energy that a charger reported. `user` is a fingerprint.

    `watts` is the power, scaled as the energy shows; `reported_watts` is not scaled.
    """

    energy: int
    at: float
    user: int | None = None
    watts: float | None = None
    reported_watts: float | None = None


class Held(NamedTuple):
    """A run of held readings: all of them too high, or all of them too low, to be accepted."""

    is_high: bool
    first: EnergyReading
    last: EnergyReading
    length: int = 1


class Limits(NamedTuple):
    """The highest power: likely within a session, likely of a new session, and as configured."""

    rise: float
    new_session: float
    hard: float


class Known(NamedTuple):
    """What a decision depends on, besides the reading."""

    current: RunningSession
    previous: RunningSession | None
    evidence: NewSessionEvidence
    # By the charger's clock, as all times.
    switched_on_at: float | None
    held: Held | None
    limits: Limits
