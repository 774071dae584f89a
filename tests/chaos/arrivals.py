"""What a soak knows about the logs that reached the exporter, without the meter."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import Disconnected, Disconnection, Event, Reading
from exporter.charger.notice import Notice


@dataclass(slots=True)
class Arrived:
    """The logs of one charger that reached the exporter, in the order in which they were written."""

    logs: int = 0
    # Whether a connection ended in another way than by a disconnect packet of the service: logs may be lost with it.
    lost_connection: bool = False
    _user: int | None = None
    _session_joules: int = 0
    _ended_joules: int = 0

    @property
    def joules(self) -> int:
        """The sum of the last energy of each session."""
        return self._ended_joules + self._session_joules

    def add(self, event: Event) -> None:
        """Add an event of the charger's stream."""
        match event:
            case Disconnected(reason):
                self.lost_connection |= reason is not Disconnection.SERVER
            case Reading(session_energy_joules=float() as energy, user=user):
                self.logs += 1
                if user != self._user:
                    # Every session of the simulator has a user of its own.
                    self._ended_joules += self._session_joules
                    self._user, self._session_joules = user, 0
                self._session_joules = max(self._session_joules, round(energy))


@dataclass(slots=True)
class Arrivals:
    """The logs that reached the exporter, by charger."""

    of: defaultdict[str, Arrived] = field(default_factory=lambda: defaultdict(Arrived))

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note every event that is applied to a charger of this process."""
        apply = Charger.apply

        def noting(charger: Charger, event: Event, now: Moment) -> tuple[Notice, ...]:
            self.of[charger.charger_id].add(event)
            return apply(charger, event, now)

        with patch.object(Charger, "apply", noting):
            yield


def fault_of_total(
    total: int, truth: int, arrived: Arrived, logs_sent: int, *, is_first_session: bool = False
) -> str | None:
    """Return what is wrong with a total in joules; None if nothing is.

    A log that the service sent just before its connection broke may be lost. If it was the last of its session, no
    later log has its energy. So a total is right from the energy that arrived up to the truth. While a charger's first
    session is running, nothing can be lost: the next log has the energy of all before it.
    """
    if not arrived.lost_connection and arrived.logs != logs_sent:
        return f"{logs_sent - arrived.logs} of {logs_sent} logs did not arrive, though no connection was lost"
    if total < arrived.joules:
        return f"{arrived.joules - total} J are missing of those that arrived"
    if is_first_session and total < truth:
        return f"{truth - total} J are missing of a session that is running"
    if total > truth:
        return f"{total - truth} J above the truth"
    return None
