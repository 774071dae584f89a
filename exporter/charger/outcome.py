"""The result of a log: whether it was accepted, and which decisions about it were doubtful."""

from enum import StrEnum
from typing import Final, NamedTuple


class Verdict(StrEnum):
    """Accepted, or why not. All values except ACCEPTED are a `reason` of rejected readings."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    INVALID = "invalid"
    IMPLAUSIBLE = "implausible"
    ENERGY_GLITCH = "energy_glitch"

    @property
    def in_order(self) -> bool:
        """True if the log itself is new. Otherwise its other values are ignored too."""
        return self is not Verdict.DUPLICATE and self is not Verdict.OUT_OF_ORDER


class Judgement(StrEnum):
    """A decision that could have been wrong. Every value is a `judgement` of the metric that counts them."""

    DIP = "dip"
    RESUMED = "resumed"
    NEW_SESSION = "new_session"
    UNANNOUNCED_RESET = "unannounced_reset"
    MERGED = "merged"
    JUMP_COUNTED = "jump_counted"
    JUMP_SET_ASIDE = "jump_set_aside"
    CLOCK_RESET = "clock_reset"
    DOCUMENT_SESSION = "document_session"


class Judged(NamedTuple):
    """A decision that could have been wrong, and why it was made, with the two energies."""

    judgement: Judgement
    text: str


class Outcome(NamedTuple):
    """The meter's result for a log. If it was rejected, `reason` says why."""

    verdict: Verdict
    reason: str = ""
    judged: tuple[Judged, ...] = ()


ACCEPTED: Final = Outcome(Verdict.ACCEPTED)
DUPLICATE: Final = Outcome(Verdict.DUPLICATE, "same time and energy as the last log")
OUT_OF_ORDER: Final = Outcome(Verdict.OUT_OF_ORDER, "older than the last log, or sent again")
INVALID: Final = Outcome(Verdict.INVALID, "the energy is not a number, negative or above 10^13 J")
