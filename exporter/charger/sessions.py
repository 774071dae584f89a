"""A charging session: one row of the list behind the energy counter."""

from enum import StrEnum

import msgspec


class SessionEvidence(StrEnum):
    """How the beginning or the end of a session is known."""

    STATUS = "status"
    LOG = "log"
    USER = "user"
    DOCUMENT = "document"
    ASSUMED = "assumed"


class Session(msgspec.Struct, frozen=True, gc=False):
    """One session, as it is known now. Nothing personal is in it.

    `number` counts up per charger and is never used again, so (charger id, number) is a key. Times are unix seconds, by
    the charger's own clock where it told one. A session that is not `certain` may in truth be part of another, or
    several, or have another energy.
    """

    number: int
    began_unix: float
    ended_unix: float | None
    energy_joules: int
    peak_watts: float | None
    began_by: SessionEvidence
    ended_by: SessionEvidence | None
    certain: bool
