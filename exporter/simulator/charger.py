"""One simulated charger: its sessions, its meter and its Wi-Fi. Pure: time is an argument.

All times are simulated seconds since the start of the simulator. The times of events depend only on the seed, not on
when the caller asks for them.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from exporter.simulator import payloads
from exporter.simulator.electricity import NO_POWER
from exporter.simulator.payloads import Log
from exporter.simulator.plan import Plan, draw, draw_demand
from exporter.simulator.session import Session
from exporter.simulator.sites import Site, site

NEVER = math.inf
# The number of logs that a charger keeps to repeat them.
KEPT_LOGS = 12
# How many ended sessions a charger keeps, for tests that compare them with an exporter's list.
KEPT_SESSIONS = 1000
LONGEST_PAST_SECONDS = 2 * 3600.0
# createdAt has milliseconds, and two logs of a charger never share one, whichever way they are rounded.
TIMESTAMP_SECONDS = 0.002


class DocumentEnergy(StrEnum):
    """The energy of a document during a session: the true one, 0, or an old one."""

    TRUE = "true"
    ZERO = "zero"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Event:
    """An event for the charger's stream. A payload that is text is sent as it is."""

    name: str
    payload: Any
    # Whether the service disconnects after this event.
    then_disconnect: bool = False


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that is over: when it began, sent its last log and ended (simulated seconds), and its last energy."""

    began: float
    last_log: float
    ended: float
    hundredths: int


@dataclass(slots=True)
class Tally:
    """The true totals of a charger, which an exporter is compared with."""

    ended_hundredths: int = 0
    ended: deque[EndedSession] = field(default_factory=lambda: deque(maxlen=KEPT_SESSIONS))
    sessions: int = 0
    logs: int = 0
    logs_sent: int = 0


@dataclass(slots=True)
class Charger:
    """A charger of the fleet. Its methods return the events for its stream."""

    site: Site
    plan: Plan
    random: Random
    epoch: float
    log_interval: float
    session: Session | None = None
    wifi: bool = True
    wifi_since: float = 0.0
    paused: bool = False
    document_energy: DocumentEnergy = DocumentEnergy.TRUE
    user_id: str = ""
    previous_hundredths: int = 0
    tally: Tally = field(default_factory=Tally)
    logs: deque[Log] = field(default_factory=lambda: deque(maxlen=KEPT_LOGS))
    _weak_wifi: bool = False
    _stamped: float = -NEVER
    _log_due: float = NEVER
    _plan_due: float = NEVER
    _wifi_due: float = NEVER

    @property
    def status(self) -> str:
        """`ON` or `OFF`."""
        return "ON" if self.session else "OFF"

    @property
    def total_hundredths(self) -> int:
        """The true total: the last energy of every session, the running one included."""
        return self.tally.ended_hundredths + (self.session.hundredths if self.session else 0)

    @property
    def due(self) -> float:
        """The time of the next event."""
        if self.paused:
            return NEVER
        # A charger without Wi-Fi sends nothing until it is back.
        return min(self._log_due, self._plan_due, self._wifi_due) if self.wifi else self._wifi_due

    def start(self, *, charging: bool, weak_wifi: bool) -> None:
        """Set the state at the start of the simulator; a running session began in the past."""
        self._weak_wifi = weak_wifi
        if weak_wifi:
            self._wifi_due = draw(self.plan.wifi_holds, self.random)
        self._plan_due = self.random.random() * draw(self.plan.idle, self.random)
        if not charging:
            return
        elapsed = self.random.uniform(0.1, 0.8)
        self.switch_on(0.0)
        session = self._running()
        session.began = -min(elapsed * session.demand.seconds, LONGEST_PAST_SECONDS)
        session.metered_at = session.began
        self._plan_due = session.ends
        self._log_due = self.random.random() * self.log_interval
        session.read_meter(max(session.began, self._log_due - self.log_interval))

    def advance(self, now: float) -> list[Event]:
        """Return all events that are due by `now`, in order."""
        events: list[Event] = []
        while (due := self.due) <= now:
            # A log goes first, so that it has all the energy of a session that ends at the same time.
            if self.wifi and due == self._log_due:
                events.append(self.log(due))
            elif due == self._wifi_due:
                events += self.lose_wifi(due) if self.wifi else self.regain_wifi(due)
            else:
                events += self.switch_off(due) if self.session else self.switch_on(due)
        return events

    def switch_on(self, now: float) -> list[Event]:
        """Begin a session, unless one is running."""
        if self.session:
            return []
        demand = draw_demand(self.plan, self.site.max_amperes, self.random)
        self.user_id = f"sim-user-{self.random.getrandbits(32):08x}"
        self.session = Session(self.user_id, self.site.mains, demand, began=now, metered_at=now)
        self.tally.sessions += 1
        self._log_due = now
        self._plan_due = self.session.ends
        return [Event("statusChanged", payloads.status_changed("ON"))]

    def switch_off(self, now: float) -> list[Event]:
        """End the session, if one is running. Its energy is that of its last log."""
        if not self.session:
            return []
        self.previous_hundredths = self.session.hundredths
        self.tally.ended_hundredths += self.session.hundredths
        self.tally.ended.append(EndedSession(self.session.began, self.session.metered_at, now, self.session.hundredths))
        self.session = None
        self._log_due = NEVER
        self._plan_due = now + draw(self.plan.idle, self.random)
        return [Event("statusChanged", payloads.status_changed("OFF"), then_disconnect=True)]

    def lose_wifi(self, now: float, *, seconds: float | None = None) -> list[Event]:
        """Lose the Wi-Fi for the given time, or a random one. The session continues."""
        if not self.wifi:
            return []
        self.wifi = False
        self._wifi_due = now + (draw(self.plan.wifi_outage, self.random) if seconds is None else seconds)
        return [Event("chargerDisconnected", {"chargerId": self.site.charger_id})]

    def regain_wifi(self, now: float) -> list[Event]:
        """Regain the Wi-Fi: send the document again; the next log has the energy of the meantime."""
        if self.wifi:
            return []
        self.wifi, self.wifi_since = True, now
        self._wifi_due = now + draw(self.plan.wifi_holds, self.random) if self._weak_wifi else NEVER
        self._plan_due = max(self._plan_due, now)
        if self.session:
            self._log_due = now
        return [Event("chargerConnected", self.document())]

    def pause(self) -> list[Event]:
        """Stop logs and sessions, so that the totals stay as they are."""
        self.paused = True
        return []

    def resume(self, now: float) -> list[Event]:
        """Continue. Logs that were missed are not sent; the next one has the energy."""
        if self.paused:
            self.paused = False
            if self.session:
                self._log_due = max(self._log_due, now)
            self._plan_due = max(self._plan_due, now)
            self._wifi_due = max(self._wifi_due, now)
        return []

    def log(self, now: float) -> Event:
        """Read the meter and return a log; only in a session."""
        session = self._running()
        now = self._stamp(now)
        session.read_meter(now)
        log = Log(self.epoch + now, session.sample, session.hundredths, session.user_id)
        self.logs.append(log)
        self.tally.logs += 1
        self._log_due = now + self.log_interval
        return Event("newLog", payloads.new_log(self.site, log))

    def false_log(self, now: float, hundredths: int) -> Event:
        """Return a log with another energy than the meter's; only in a session. No total changes."""
        session = self._running()
        now = self._stamp(now)
        log = Log(self.epoch + now, session.sample, hundredths, session.user_id)
        return Event("newLog", payloads.new_log(self.site, log))

    def document(self) -> dict[str, Any]:
        """Return the charger's document as the service knows it."""
        return payloads.charger_connected(
            self.site,
            payloads.Condition(
                status=self.status,
                sample=self.session.sample if self.session else NO_POWER,
                hundredths=self._document_hundredths(),
                previous_hundredths=self.previous_hundredths,
                user_id=self.user_id,
                wifi=self.wifi,
                connected_unix=self.epoch + self.wifi_since,
            ),
        )

    def _document_hundredths(self) -> int:
        if not self.session or self.document_energy is DocumentEnergy.ZERO:
            return 0
        if self.document_energy is DocumentEnergy.STALE:
            oldest = self.logs[0] if self.logs else None
            return oldest.hundredths if oldest and oldest.user_id == self.session.user_id else 0
        return self.session.hundredths

    def _running(self) -> Session:
        if not self.session:
            raise ValueError("the charger is off")
        return self.session

    def _stamp(self, now: float) -> float:
        self._stamped = max(now, self._stamped + TIMESTAMP_SECONDS)
        return self._stamped


def fleet_charger(index: int, *, seed: int, plan: Plan, epoch: float, log_interval: float) -> Charger:
    """Return a charger of the fleet, counted from 0, as it is when the simulator starts.

    Each has random numbers of its own, from the seed and its index, so that they are independent.
    """
    random = Random(f"{seed} {index}")  # noqa: S311 - nothing here is secret
    charger = Charger(site(index, random), plan, random, epoch, log_interval)
    charger.start(charging=plan.charges_at_start(index), weak_wifi=plan.has_weak_wifi(index))
    return charger
