"""The sessions of one charger and the counter made of them.

At every moment: counter = start + sum of the sessions - set aside + excess.
"""

from dataclasses import dataclass, field

from exporter.charger.sessions import KnownBy, RunningSession, Session, in_list


@dataclass(slots=True)
class SessionList:
    """The current and the previous session, which may still be revised, and the sum of all earlier ones, in joules."""

    # What was counted before the list began.
    start: int = 0
    # The energy of the settled sessions, and the part of it that is not counted.
    settled: int = 0
    settled_set_aside: int = 0
    # The counter: the highest that the estimate ever was; None before the first document or log.
    counted: int | None = None
    # The number of sessions in the list: the highest ever, and now.
    sessions: int = 0
    listed: int = 0
    # The highest number that a session was given.
    last_number: int = 0
    current: RunningSession | None = None
    previous: RunningSession | None = None
    # The sessions that have been settled since the last commit, in order.
    newly_settled: list[Session] = field(default_factory=list)

    @property
    def estimate(self) -> int:
        """What is counted of all sessions, as far as is known now."""
        estimate = self.start + self.settled - self.settled_set_aside
        if self.previous is not None:
            estimate += self.previous.counted
        if self.current is not None:
            estimate += self.current.counted
        return estimate

    @property
    def excess(self) -> int:
        """The counter minus the estimate."""
        return 0 if self.counted is None else self.counted - self.estimate

    def count(self) -> None:
        """Raise the counter to the estimate. Call this after every change of a session's energy."""
        current = self.current
        if current is not None and not current.number and current.counted > 0:
            self._number(current)
        self.counted = max(self.estimate, self.counted or 0)

    def begin(self, session: RunningSession) -> None:
        """Make `session` the current one. The old one may be resumed; the one before that is settled."""
        ended = self.current
        # A session without energy is dropped, and the one before it stays the previous one.
        if ended is not None and ended.number:
            if self.previous is not None:
                self._settle(self.previous)
            self.previous = ended
        self.current = session
        self.count()

    def resume_previous(self) -> None:
        """Drop the current session, which was a glitch, and continue the previous one."""
        if self.current is not None and self.current.number:
            self.listed -= 1
        self.current, self.previous = self.previous, None

    def raise_previous(self, energy: int, at: float) -> None:
        """Raise the previous session to the energy of a late log."""
        previous = self.previous
        if previous is not None:
            previous.energy = max(energy, previous.energy)
            previous.read_at = previous.changed_at = at
            previous.ended_at = max(at, previous.ended_at or at)
            self.count()

    def insert(self, energy: int, at: float) -> None:
        """Insert the session of a late log between the previous and the current one."""
        if self.previous is not None:
            self._settle(self.previous)
        self.previous = RunningSession(energy, at, at, at, ended_at=at, ended_by=KnownBy.LOG, certain=False)
        self._number(self.previous)
        self.count()

    def _number(self, session: RunningSession) -> None:
        self.last_number += 1
        session.number = self.last_number
        self.listed += 1
        self.sessions = max(self.sessions, self.listed)

    def _settle(self, session: RunningSession) -> None:
        self.settled += session.delivered
        self.settled_set_aside += session.set_aside
        self.newly_settled.append(session.row())

    def revisable(self) -> tuple[Session, ...]:
        """Return the sessions of the list that are not settled."""
        return tuple(each.row() for each in in_list(self.previous, self.current))
