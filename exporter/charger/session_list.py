"""The sessions of one charger and the counter made of them.

At every moment: counter = start + sum of the sessions - set aside + excess.
"""

from msgspec.structs import replace

from exporter.charger.sessions import RunningSession, Session, SessionEvidence, copy_of, in_list


class SessionList:
    """The current and the previous session, which may still be revised, and the sum of all earlier ones.

    The current session changes in place; the previous one is replaced.

    `counted` is the counter: the highest that the estimate ever was, None before the first document or log. `sessions`
    is the highest number of sessions in the same way. `start` is what was counted before the list began, `settled` the
    energy of the settled sessions, `settled_set_aside` the part of it that is not counted, in joules. `listed` is how
    many sessions are in the list now, `last_number` the highest number that a session was given.
    """

    __slots__ = (
        "counted",
        "current",
        "last_number",
        "listed",
        "newly_settled",
        "previous",
        "sessions",
        "settled",
        "settled_set_aside",
        "start",
    )

    def __init__(
        self,
        start: int = 0,
        settled: int = 0,
        settled_set_aside: int = 0,
        counted: int | None = None,
        sessions: int = 0,
        listed: int = 0,
        last_number: int = 0,
        current: RunningSession | None = None,
        previous: RunningSession | None = None,
    ) -> None:
        self.start = start
        self.settled = settled
        self.settled_set_aside = settled_set_aside
        self.counted = counted
        self.sessions = sessions
        self.current = current
        self.previous = previous
        self.listed = listed
        self.last_number = last_number
        # The sessions that have been settled since the last commit, in order.
        self.newly_settled: list[Session] = []

    @property
    def others(self) -> int:
        """The estimate without the current session: joules."""
        settled = self.start + self.settled - self.settled_set_aside
        return settled + (self.previous.counted if self.previous else 0)

    @property
    def set_aside(self) -> int:
        """The reported energy of the sessions in the list that is not counted: joules."""
        return self.settled_set_aside + sum(each.set_aside for each in in_list(self.previous, self.current))

    @property
    def excess(self) -> int:
        """The counter minus the estimate: joules."""
        if self.counted is None:
            return 0
        return self.counted - self.others - (self.current.counted if self.current else 0)

    def count(self) -> None:
        """Raise the counter to the estimate. Call this after every change of a session's energy."""
        current = self.current
        estimate = self.others
        if current is not None:
            if not current.number and current.counted > 0:
                self._number(current)
            estimate += current.counted
        self.counted = max(estimate, self.counted or 0)

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
        previous, self.previous = self.previous, None
        self.current = None if previous is None else copy_of(previous)

    def raise_previous(self, energy: int, at: float) -> None:
        """Raise the previous session to the energy of a late log."""
        if self.previous is not None:
            self.previous = replace(self.previous, energy=max(energy, self.previous.energy), read_at=at, changed_at=at)
            self.previous.ended_at = max(at, self.previous.ended_at or at)
            self.count()

    def insert(self, session: RunningSession) -> None:
        """Insert a session between the previous and the current one."""
        if self.previous is not None:
            self._settle(self.previous)
        self.previous = session
        self._number(session)
        self.count()

    def _number(self, session: RunningSession) -> None:
        self.last_number += 1
        session.number = self.last_number
        self.listed += 1
        self.sessions = max(self.sessions, self.listed)

    def _settle(self, session: RunningSession) -> None:
        self.settled += session.delivered
        self.settled_set_aside += session.set_aside
        self.newly_settled.append(session.listed())

    def revisable(self) -> tuple[Session, ...]:
        """The sessions of the list that are not settled."""
        return tuple(each.listed() for each in in_list(self.previous, self.current))


def ended(session: RunningSession, at: float, by: SessionEvidence) -> None:
    """Record when and how a session ended, unless that is known already."""
    if session.ended_at is None:
        session.ended_at = at
        session.ended_by = by
