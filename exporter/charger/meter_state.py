"""The part of a meter that is kept on disk."""

import msgspec

from exporter.charger.log_order import LogOrderState
from exporter.charger.power_estimate import PowerState
from exporter.charger.sessions import PendingDocument, RunningSession, in_list


class Totals(msgspec.Struct, frozen=True, gc=False):
    """The counters that are shown once they are on disk."""

    total_joules: int | None
    excess_joules: int
    sessions: int


class MeterState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The part of a meter that is kept on disk, without personal data. Add fields as to KeptState, at the end.

    The sessions, `logs` and `power` are not copies, so encode the state before the next event.
    Without gc: a commit creates thousands of them, and they cannot be part of a cycle.
    """

    total_joules: int | None = None
    excess_joules: int = 0
    start_joules: int = 0
    settled_joules: int = 0
    settled_set_aside_joules: int = 0
    sessions: int = 0
    listed_sessions: int = 0
    last_session_number: int = 0
    current: RunningSession | None = None
    previous: RunningSession | None = None
    evidence: int = 0
    switched_on_unix: float | None = None
    document: PendingDocument | None = None
    reported_previous: float | None = None
    logs: LogOrderState = msgspec.field(default_factory=LogOrderState)
    power: PowerState = msgspec.field(default_factory=PowerState)

    @property
    def totals(self) -> Totals:
        """The counters to show."""
        return Totals(self.total_joules, self.excess_joules, self.sessions)

    @property
    def set_aside_joules(self) -> int:
        """The reported energy of the sessions that is not counted."""
        return self.settled_set_aside_joules + sum(each.set_aside for each in in_list(self.previous, self.current))

    @property
    def last_log_unix(self) -> float | None:
        """When the charger wrote its last log."""
        return self.logs.time

    def with_total(self, joules: int) -> "MeterState":
        """Return the same meter with another total."""
        estimate = (self.total_joules or 0) - self.excess_joules
        start = self.start_joules + joules - estimate
        return msgspec.structs.replace(self, total_joules=joules, excess_joules=0, start_joules=start)
