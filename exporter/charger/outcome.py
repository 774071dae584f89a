"""What became of a reading, and what was doubtful about it."""

from enum import StrEnum
from typing import Final, NamedTuple

from exporter.charger.decisions import Judgement
from exporter.charger.tolerances import JOULES_PER_KWH


class Verdict(StrEnum):
    """What became of a reading. Every value but ACCEPTED is a `reason` of the rejected readings."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    INVALID = "invalid"
    IMPLAUSIBLE = "implausible"
    ENERGY_GLITCH = "energy_glitch"

    @property
    def in_order(self) -> bool:
        """Whether the log itself is new: only then do its other values count."""
        return self is not Verdict.DUPLICATE and self is not Verdict.OUT_OF_ORDER


class Judged(NamedTuple):
    """A decision that could have been wrong, and why it was made, with the two energies."""

    judgement: Judgement
    text: str


class Outcome(NamedTuple):
    """What the meter made of a log. `reason` says why it was rejected."""

    verdict: Verdict
    reason: str = ""
    judged: tuple[Judged, ...] = ()


ACCEPTED: Final = Outcome(Verdict.ACCEPTED)
DUPLICATE: Final = Outcome(Verdict.DUPLICATE, "same time and energy as the last log")
OUT_OF_ORDER: Final = Outcome(Verdict.OUT_OF_ORDER, "older than the last log, or sent before")
INVALID: Final = Outcome(Verdict.INVALID, "the energy is not a number, negative or beyond 10^13 J")


def kwh(joules: int) -> str:
    """As the service reports it."""
    return f"{joules / JOULES_PER_KWH:.2f} kWh"
