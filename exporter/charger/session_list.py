"""The sessions of one charger and the counter made of them.

At every moment: counter = start + sum of the sessions - set aside + excess.
"""

from msgspec.structs import replace

from exporter.charger.sessions import RunningSession, Session, SessionEvidence, copy_of


class SessionList:
    """Holds what may still be revised, the current and the previous session, and the sum of all before them.

    The current session changes in place, the previous one does not change.

    `counted` is the counter: the highest that the estimate ever was, None before the first document or log. `sessions`
    is the highest number of sessions in the same way. `start` is what was counted before the list began, `settled` the
    energy of the sessions that are no longer revised, `settled_set_aside` what of it is not counted: joules.
    """

    __slots__ = (
        "_last_number",
        "_listed",
        "counted",
        "current",
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
        self._listed = listed
        self._last_number = last_number
        # The sessions that have been settled since the last commit, in order.
        self.newly_settled: list[Session] = []

    @property
    def listed(self) -> int:
        """How many sessions are in the list now."""
        return self._listed

    @property
    def last_number(self) -> int:
        """The highest number that a session was given."""
        return self._last_number

    @property
    def others(self) -> int:
        """The estimate without the current session: joules."""
        settled = self.start + self.settled - self.settled_set_aside
        return settled + (self.previous.counted if self.previous else 0)

    @property
    def set_aside(self) -> int:
        """What the charger reported of the sessions in the list and the counter does not have: joules."""
        return self.settled_set_aside + sum(each.set_aside for each in self._revisable())

    @property
    def excess(self) -> int:
        """By how much the counter is ahead of the estimate: joules."""
        estimate = self.others + (self.current.counted if self.current else 0)
        return (self.counted or 0) - estimate

    def count(self) -> None:
        """Brings the counter up to the estimate. To be called after every change of a session's energy."""
        current = self.current
        estimate = self.others
        if current is not None:
            if not current.number and current.counted > 0:
                self._number(current)
            estimate += current.counted
        if self.counted is None or estimate > self.counted:
            self.counted = estimate

    def begin(self, session: RunningSession) -> None:
        """`session` follows the current one, which may still be taken up again; the one before it may not."""
        ended = self.current
        # A session that has delivered nothing is forgotten, and the one before it stays the previous one.
        if ended is not None and ended.number:
            if self.previous is not None:
                self._settle(self.previous)
            self.previous = ended
        self.current = session
        self.count()

    def take_up_previous(self) -> None:
        """The current session was none: the previous one goes on."""
        if self.current is not None and self.current.number:
            self._listed -= 1
        previous, self.previous = self.previous, None
        self.current = None if previous is None else copy_of(previous)

    def raise_previous(self, energy: int, at: float) -> None:
        """A log of the previous session came late: it had reached this energy."""
        if self.previous is not None:
            self.previous = replace(self.previous, energy=max(energy, self.previous.energy), read_at=at, changed_at=at)
            self.previous.ended_at = max(at, self.previous.ended_at or at)
            self.count()

    def insert(self, session: RunningSession) -> None:
        """A session between the previous and the current one came to light."""
        if self.previous is not None:
            self._settle(self.previous)
        self.previous = session
        self._number(session)
        self.count()

    def _number(self, session: RunningSession) -> None:
        self._last_number += 1
        session.number = self._last_number
        self._listed += 1
        self.sessions = max(self.sessions, self._listed)

    def _settle(self, session: RunningSession) -> None:
        self.settled += session.delivered
        self.settled_set_aside += session.set_aside
        self.newly_settled.append(session.listed())

    def revisable(self) -> tuple[Session, ...]:
        """The sessions of the list that are not settled."""
        return tuple(each.listed() for each in self._revisable())

    def _revisable(self) -> tuple[RunningSession, ...]:
        return tuple(each for each in (self.previous, self.current) if each is not None and each.number)


def ended(session: RunningSession, at: float, by: SessionEvidence) -> None:
    """Notes when and how a session ended, unless that is known already."""
    if session.ended_at is None:
        session.ended_at = at
        session.ended_by = by
