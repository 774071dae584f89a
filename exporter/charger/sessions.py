"""Charging sessions. `Session` is a row of the list of sessions, `RunningSession` one that may still be revised."""

from enum import StrEnum

import msgspec


class KnownBy(StrEnum):
    """How the beginning or the end of a session is known."""

    STATUS = "status"
    LOG = "log"
    USER = "user"
    DOCUMENT = "document"
    ASSUMED = "assumed"


class Session(msgspec.Struct, frozen=True, gc=False):
    """One session, as it is known now, without personal data.

    `number` counts up per charger and is never used again, so (charger id, number) is a key. Times are unix seconds, by
    the charger's own clock if it sends them. A session that is not `certain` may be part of another session, several
    sessions, or have another energy.
    """

    number: int
    began_unix: float
    ended_unix: float | None
    energy_joules: int
    peak_watts: float | None
    began_by: KnownBy
    ended_by: KnownBy | None
    certain: bool


class RunningSession(msgspec.Struct, gc=False, array_like=True):
    """A session that later readings may still change. Times are unix seconds by the charger's clock, energies joules.

    `number` is 0 until the session has delivered energy: before that it is not in the list. `energy` is what the logs
    reported, `document_energy` that of a pending document, which counts if it is higher. `base` is the energy at
    which the session began, `set_aside` the part that is not counted. `changed_at` is when the energy last changed,
    `read_at` when it was last read, `rises` how often it has risen. The first log, at `first_at`, had `first_energy`.
    `begun_on` is the evidence on which it began, as `decision_input.Evidence`. Add fields as to KeptState, at the end.
    """

    energy: int
    began_at: float
    read_at: float
    changed_at: float
    began_by: KnownBy = KnownBy.LOG
    begun_on: int = 0
    number: int = 0
    first_energy: int = 0
    first_at: float = 0.0
    document_energy: int = 0
    base: int = 0
    set_aside: int = 0
    rises: int = 0
    peak_watts: float = 0.0
    ended_at: float | None = None
    ended_by: KnownBy | None = None
    certain: bool = True

    @property
    def reported(self) -> int:
        """The energy by logs and documents."""
        return max(self.energy, self.document_energy)

    @property
    def counted(self) -> int:
        """The energy that is counted."""
        return self.reported - self.base - self.set_aside

    @property
    def delivered(self) -> int:
        """The energy that was delivered in this session."""
        return self.reported - self.base

    def end(self, at: float, by: KnownBy) -> None:
        """Record when and how the session ended, unless that is known already."""
        if self.ended_at is None:
            self.ended_at = at
            self.ended_by = by

    def row(self) -> Session:
        """Return the row of the list."""
        return Session(
            self.number,
            self.began_at,
            self.ended_at,
            self.delivered,
            self.peak_watts or None,
            self.began_by,
            self.ended_by,
            self.certain,
        )


class CountedAs(StrEnum):
    """How the energy of a pending document is counted."""

    RAISE = "raise"  # as `document_energy` of the current session
    SESSION = "session"  # as a session of its own, which is the current one
    NOTHING = "nothing"  # not yet: that session is dropped, since a log from before the document has arrived


class PendingDocument(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The energy of a document, received at this time of the exporter's clock.

    It is pending until a log arrives that was written after it. Logs from before it (a backlog) may still arrive, and
    are decided on as if the document had not arrived: if one begins a session or merges two, the energy moves to the
    session that is current then. With NOTHING it belongs to no session yet.
    Add fields as to KeptState, at the end.
    """

    energy: int
    received: float
    counted_as: CountedAs


def in_list(*sessions: RunningSession | None) -> list[RunningSession]:
    """Return those of these sessions that are in the list: they have delivered energy."""
    return [session for session in sessions if session is not None and session.number]
