"""The truth of a world, as far as messages show it: energy, sessions, and what the messages determine."""

from dataclasses import dataclass, field

from tests.charger.worlds.life import Log, Session

KWH = 3_600_000


@dataclass(eq=False, slots=True)
class ToldSession:
    """A session as sent: its energy in the last true log or document."""

    session: Session
    kwh: float = 0.0
    first_log: Log | None = None
    # Whether it can be known that it is not the session before it, and when it began.
    is_apart: bool = True
    # The second piece of a session that an unseen power cut divided.
    is_hidden: bool = False
    begin_is_known: bool = False


@dataclass(slots=True)
class Truth:
    """`extra_kwh` is what may be counted beyond what was told, `extra_sessions` likewise: where nobody can know."""

    interval: float
    told: list[ToldSession] = field(default_factory=list)
    extra_kwh: float = 0.0
    extra_sessions: int = 0
    least_sessions: int | None = None

    @property
    def counted(self) -> list[ToldSession]:
        """The sessions that have delivered energy."""
        return [told for told in self.told if told.kwh > 0]

    @property
    def joules(self) -> tuple[int, int]:
        """The smallest and largest correct counter."""
        told = round(sum(told.kwh for told in self.told) * KWH)
        hidden = round(sum(told.kwh for told in self.told if told.is_hidden) * KWH)
        return told - hidden, told + round(self.extra_kwh * KWH)

    @property
    def number(self) -> tuple[int, int]:
        """The least and the most sessions of a right list: the pieces of one divided by a power cut are one or more."""
        counted = self.counted
        pieces_as_one = len({id(told.session.rest_of or told.session) for told in counted})
        least = pieces_as_one if self.least_sessions is None else min(self.least_sessions, pieces_as_one)
        return least, len(counted) + self.extra_sessions

    @property
    def is_knowable(self) -> bool:
        """Whether the messages distinguish all sessions."""
        return all(told.is_apart for told in self.counted) and not self.extra_sessions

    def of(self, session: Session) -> ToldSession | None:
        return next((told for told in reversed(self.told) if told.session is session), None)
