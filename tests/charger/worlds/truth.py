"""The truth of a world, as far as messages show it: energy, sessions, and what the messages determine."""

from dataclasses import dataclass, field

from tests.charger.worlds.life import Log, Session

KWH = 3_600_000


@dataclass(eq=False, slots=True)
class SentSession:
    """A session as sent: its energy in the last true log or document."""

    session: Session
    kwh: float = 0.0
    first_log: Log | None = None
    # True if it can be known that it is not the session before it, and when it began.
    is_apart: bool = True
    # The second piece of a session that an unseen power cut divided.
    is_hidden: bool = False
    begin_is_known: bool = False


@dataclass(slots=True)
class Truth:
    """`extra_kwh` and `extra_sessions` may be counted beyond what was sent: the messages do not determine them."""

    interval: float
    sent: list[SentSession] = field(default_factory=list)
    extra_kwh: float = 0.0
    extra_sessions: int = 0
    least_sessions: int | None = None

    @property
    def counted(self) -> list[SentSession]:
        """The sessions that have delivered energy."""
        return [sent for sent in self.sent if sent.kwh > 0]

    @property
    def joules(self) -> tuple[int, int]:
        """The smallest and largest correct counter."""
        sent = round(sum(sent.kwh for sent in self.sent) * KWH)
        hidden = round(sum(sent.kwh for sent in self.sent if sent.is_hidden) * KWH)
        return sent - hidden, sent + round(self.extra_kwh * KWH)

    @property
    def number(self) -> tuple[int, int]:
        """The least and the most sessions of a right list: the pieces of one divided by a power cut are one or more."""
        counted = self.counted
        pieces_as_one = len({id(sent.session.rest_of or sent.session) for sent in counted})
        least = pieces_as_one if self.least_sessions is None else min(self.least_sessions, pieces_as_one)
        return least, len(counted) + self.extra_sessions

    @property
    def is_knowable(self) -> bool:
        """True if the messages distinguish all sessions."""
        return all(sent.is_apart for sent in self.counted) and not self.extra_sessions

    def of(self, session: Session) -> SentSession | None:
        return next((sent for sent in reversed(self.sent) if sent.session is session), None)
