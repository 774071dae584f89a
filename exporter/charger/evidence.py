"""Evidence that a new session may have begun."""

from enum import IntFlag
from typing import Final

# For this long after a gap, readings may be a backlog that has the time of its arrival.
BACKLOG_SECONDS: Final = 300.0


class Evidence(IntFlag):
    """The kinds of evidence. USER is only recorded as the reason of a begun session: each reading has its user."""

    NOTHING = 0
    GAP = 1  # events may have been missed: stream or exporter down, other hardware
    DROP = 2  # the charger was disconnected, and may have lost its power
    OFF = 4
    ON = 8  # the switch to ON was seen live
    ENDED = 16  # `prev_energy` of a document is the last energy of the current session
    USER = 32


class NewSessionEvidence:
    """The evidence since the current session began.

    `fresh` is the part of `all` that has been noted since the session's last reading. `before_gap` is the energy and
    time of the last reading before a gap, kept as long as readings may be a backlog; `after_gap_at` is when the first
    log after that gap was written. `switched_on_unix` is when the switch to ON was seen live, by the exporter's clock.
    """

    __slots__ = ("after_gap_at", "all", "before_gap", "fresh", "switched_on_unix")

    def __init__(self, evidence: Evidence, switched_on_unix: float | None) -> None:
        self.all = self.fresh = evidence
        self.switched_on_unix = switched_on_unix
        self.before_gap: tuple[int, float] | None = None
        self.after_gap_at: float | None = None

    def note(self, kind: Evidence) -> None:
        """Add evidence of this kind."""
        self.all |= kind
        self.fresh |= kind

    def begin_gap(self, energy: int, read_at: float) -> None:
        """Keep the last reading before a gap. Two gaps without a log between them are one."""
        if self.before_gap is None or self.after_gap_at is not None:
            self.before_gap = (energy, read_at)
            self.after_gap_at = None

    def end_gap(self, at: float) -> None:
        """Forget the gap once its backlog must have arrived; `at` is when the newest log was written."""
        if self.before_gap is None:
            return
        if self.after_gap_at is None:
            self.after_gap_at = at
        elif at - self.after_gap_at > BACKLOG_SECONDS:
            self.before_gap = self.after_gap_at = None

    def begin_session(self) -> None:
        """Clear the evidence: a new session has begun."""
        self.all = self.fresh = Evidence.NOTHING
        self.switched_on_unix = None
        if self.before_gap is not None:
            self.before_gap = (0, self.before_gap[1])
