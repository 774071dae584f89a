"""The input of a decision: the reading, the sessions so far and the evidence of a new one.

Energies are whole joules, times are unix seconds by the charger's clock, powers are watts. A user is a fingerprint
that can only be compared. It is kept in memory only, and None if it is not known.
"""

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final, NamedTuple

from exporter.charger.sessions import RunningSession

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


class Gap(NamedTuple):
    """A gap in the logs: the energy and time of the last reading before it, and the time of the first one after it."""

    energy: int
    began_at: float
    ended_at: float | None = None


@dataclass(slots=True)
class NewSessionEvidence:
    """The evidence since the current session began, and the user of this session. Another user is evidence, too."""

    # When the switch to ON was seen live, by the exporter's clock.
    switched_on_unix: float | None = None
    all: Evidence = Evidence.NOTHING
    # The part noted since the session's last reading. Without any, only a fall can be a new session.
    fresh: Evidence = Evidence.NOTHING
    # The last gap, as long as readings may be its backlog.
    gap: Gap | None = None
    user: int | None = None
    # True if logs of the session have named several users, so that another user is weak evidence.
    users_vary: bool = False
    _previous_user: int | None = field(default=None, init=False)

    def note(self, kind: Evidence) -> None:
        """Add evidence of this kind."""
        self.all |= kind
        self.fresh |= kind

    def begin_gap(self, energy: int, read_at: float) -> None:
        """Begin a gap after this reading. Two gaps without a log between them are one."""
        if self.gap is None or self.gap.ended_at is not None:
            self.gap = Gap(energy, read_at)

    def end_gap(self, at: float) -> None:
        """End the gap at a log that was written at `at`; forget it once its backlog must have arrived."""
        if self.gap is None:
            return
        if self.gap.ended_at is None:
            self.gap = self.gap._replace(ended_at=at)
        elif at - self.gap.ended_at > BACKLOG_SECONDS:
            self.gap = None

    def is_another_user(self, user: int | None) -> bool:
        """Return whether `user` and the user of the session are known and differ."""
        return user is not None and self.user is not None and user != self.user

    def continue_session(self, user: int | None) -> None:
        """Apply a log of the current session, and its user."""
        self.fresh = Evidence.NOTHING
        self.users_vary |= self.is_another_user(user)
        if self.user is None:
            self.user = user

    def begin_session(self, user: int | None) -> None:
        """Clear the evidence: a new session of this user has begun."""
        self.all = self.fresh = Evidence.NOTHING
        self.switched_on_unix = None
        if self.gap is not None:
            self.gap = self.gap._replace(energy=0)
        self._previous_user, self.user = self.user, user
        self.users_vary = False

    def resume_previous(self, glitch_begun_on: Evidence) -> None:
        """Return to the previous session. The evidence on which the current one, a glitch, began still holds."""
        self.all |= glitch_begun_on & ~Evidence.USER
        self.user = self._previous_user


class EnergyReading(NamedTuple):
    """An energy that a charger reported. `watts` is the power, scaled as the energy shows."""

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
    switched_on_at: float | None
    held: Held | None
    limits: Limits
