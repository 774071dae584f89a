"""A model of what can happen to a charger, a stream and an exporter. Its oracle is the sum of the true sessions.

Energy is in hundredths of a kWh, as the service tells it. Wherever the exporter cannot know a part of the truth, the
model says so: `unseen` and `merged` are all that may be missing, and nothing may be too much.
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exporter.charger.account import Account
from exporter.charger.charger import Charger, KeptState, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Disconnected, Disconnection
from exporter.charger.wire import decode

JOULES_PER_HUNDREDTH = 36_000
NOON = 1_700_000_000
MAX_KW = 150


@dataclass(eq=False)
class Session:
    """A session as it is: `energy` is what its last log says, whoever heard it."""

    user: str
    energy: int = 0


@dataclass(frozen=True)
class Log:
    """A log as the charger wrote it."""

    session: Session
    created: int
    energy: int


@dataclass
class Told:
    """What the exporter has been told: a crash takes it back to the last commit, as it does with the exporter.

    `seen` holds each session's energy by the last log or document that arrived. `merged` is lost: where a session
    begins unseen, with a user who is the same or not known, at or above the energy of the one before, it looks as if
    that one had gone on.
    """

    session: Session | None = None
    seen: dict[Session, int] = field(default_factory=dict)
    merged: int = 0
    created: int = 0
    user: str | None = None
    boundary: bool = False
    documented: int = 0

    def copy(self) -> "Told":
        return Told(self.session, dict(self.seen), self.merged, self.created, self.user, self.boundary, self.documented)

    @property
    def total(self) -> int:
        return sum(self.seen.values()) - self.merged

    def take(self, session: Session, energy: int) -> None:
        """The energy of a session was told, and believed."""
        before = self.seen[self.session] if self.session else 0
        another_user = self.user is not None and self.user != session.user
        if session is not self.session and not another_user and energy >= before:
            self.merged += before
        self.session = session
        self.seen[session] = energy


class Watching(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.session: Session | None = None  # the running one
        self.newest: Session | None = None
        self.sessions: list[Session] = []
        self.logs: list[Log] = []
        self.disk: tuple[bytes, Told] | None = None
        self.shown = 0
        self.begin_process()

    def begin_process(self) -> None:
        """An exporter starts, with what is on the disk."""
        kept = None
        self.told = Told()
        if self.disk:
            kept = msgspec.json.decode(self.disk[0], type=KeptState)
            self.told = self.disk[1].copy()
            # What it knew of the user was in memory, and while it was down anything may have happened.
            self.told.user = None
            self.told.boundary = True
        self.connected = False
        self.blips = 0
        self.true_log_on_connection = False
        self.charger = Charger("sim", None, Account("test"), Rules(), NOON, kept)

    def send(self, name: str, payload: Any) -> None:
        self.charger.apply(decode(name, (payload,)), Moment(self.now, self.now))

    def send_log(self, log: Log, energy: int) -> bool:
        """Whether the log is news: what is not later than the last one must change nothing."""
        created = datetime.fromtimestamp(log.created, UTC).isoformat()
        self.send("newLog", {"energy": energy / 100, "createdAt": created, "userId": log.session.user})
        if log.created <= self.told.created:
            return False
        self.told.created = log.created
        return True

    def deliver(self, log: Log) -> None:
        """The stream brings a true log: new, resent, or late."""
        if self.send_log(log, log.energy):
            self.told.take(log.session, log.energy)
            self.told.user = log.session.user
            self.told.boundary = False
            self.blips = 0
            self.true_log_on_connection = True

    def write_log(self) -> Log:
        assert self.session
        self.logs.append(Log(self.session, self.now, self.session.energy))
        return self.logs[-1]

    def blip(self) -> None:
        """A log with energy 0 in mid-session. It is a log, so later ones are later than it."""
        assert self.session
        self.now += 1
        self.send_log(Log(self.session, self.now, 0), 0)
        self.blips += 1

    def greet(self, claims: str) -> None:
        """The service sends the document. In mid-session its energy can be old, or 0."""
        session = self.session or self.newest
        is_first = self.charger.meter.total_joules is None
        energy = 0
        if session and claims == "true" and (is_first or self.session or self.told.session is session):
            energy = session.energy
        elif self.session and claims == "old":
            energy = next((log.energy for log in self.logs if log.session is self.session), 0)
        document = {"status": "ON" if self.session else "OFF", "energy": energy / 100}
        if session:
            document["currentUser"] = session.user
        self.send("chargerConnected", {"_doc": document})
        if session and is_first:
            self.told.take(session, energy)
            self.told.documented = self.now
        elif session and session is self.told.session:
            # It raises a session that is known to be its own, and never lowers one.
            unsure = self.session and self.told.boundary
            if not unsure and energy > self.told.seen[session]:
                self.told.seen[session] = energy
                self.told.documented = self.now
        if not self.session:
            self.told.boundary = True

    def disconnect(self) -> None:
        self.charger.apply(Disconnected(Disconnection.TRANSPORT), Moment(self.now, self.now))
        self.connected = False
        self.true_log_on_connection = False
        self.told.boundary = True

    @rule(seconds=st.integers(1, 7200))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: not self.session)
    @rule(user=st.sampled_from(["alice", "bob", "carol"]))
    def begin_session(self, user: str) -> None:
        self.now += 1
        self.session = self.newest = Session(user)
        self.sessions.append(self.session)
        if self.connected:
            self.send("statusChanged", {"status": "ON"})

    @precondition(lambda self: self.session)
    @rule(seconds=st.integers(10, 3600), kilowatts=st.integers(0, MAX_KW))
    def charge(self, seconds: int, kilowatts: int) -> None:
        assert self.session
        self.now += seconds
        # The first reading of a session is above 0: a lone 0 after a restart tells nobody anything.
        self.session.energy = max(1, self.session.energy + kilowatts * seconds // 36)
        log = self.write_log()
        if self.connected:
            self.deliver(log)

    @precondition(lambda self: self.session)
    @rule()
    def end_session(self) -> None:
        self.now += 1
        self.session = None
        if self.connected:
            self.send("statusChanged", {"status": "OFF"})
            self.disconnect()

    @precondition(lambda self: not self.connected)
    @rule(claims=st.sampled_from(["true", "old", "zero"]))
    def connect(self, claims: str) -> None:
        self.now += 1
        self.connected = True
        self.charger.apply(Connected(), Moment(self.now, self.now))
        self.greet(claims)

    @precondition(lambda self: self.connected)
    @rule(claims=st.sampled_from(["true", "old", "zero"]))
    def greet_again(self, claims: str) -> None:
        self.now += 1
        self.greet(claims)

    @precondition(lambda self: self.connected)
    @rule()
    def lose_connection(self) -> None:
        self.disconnect()

    @precondition(lambda self: self.connected)
    @rule(claims=st.sampled_from(["true", "old", "zero"]))
    def lose_and_regain_wifi(self, claims: str) -> None:
        self.send("chargerDisconnected", {})
        self.told.boundary = True
        self.true_log_on_connection = False
        self.greet(claims)

    @precondition(lambda self: self.connected and self.logs)
    @rule(data=st.data(), newest_first=st.booleans())
    def resend(self, data: st.DataObject, newest_first: bool) -> None:
        """Logs once more, or such as were written while nobody listened, in any order."""
        first = data.draw(st.integers(0, len(self.logs) - 1))
        count = data.draw(st.integers(1, 5))
        logs = self.logs[first : first + count]
        for log in reversed(logs) if newest_first else logs:
            # What is late comes before anything that sums it up: the next session, or a document that was believed.
            is_late = log.session is self.newest and log.created > self.told.documented
            if log.created <= self.told.created or is_late:
                self.deliver(log)

    @precondition(lambda self: self.session and self.true_log_on_connection and self.blips < 2)
    @rule()
    def blip_in_mid_session(self) -> None:
        """Up to two: three in a row would prove a reset."""
        if self.told.session is self.session:
            self.blip()

    @precondition(lambda self: self.session and self.connected and self.told.boundary and not self.blips)
    @rule(seconds=st.integers(10, 3600), kilowatts=st.integers(0, MAX_KW))
    def blip_after_a_gap(self, seconds: int, kilowatts: int) -> None:
        """The session before the gap goes on, but the first reading after it says 0: less than the last one."""
        if self.told.session and self.told.session is self.session and self.told.seen[self.told.session]:
            self.blip()
            self.charge(seconds, kilowatts)

    @rule()
    def scrape(self) -> None:
        """What is to be shown is committed first."""
        self.disk = (msgspec.json.encode(self.charger.kept_state()), self.told.copy())
        self.shown = self.total

    @rule(down=st.integers(0, 7200))
    def crash(self, down: int) -> None:
        self.now += down
        self.begin_process()

    @property
    def total(self) -> int:
        """What the exporter counts."""
        joules = self.charger.meter.total_joules or 0
        assert joules % JOULES_PER_HUNDREDTH == 0
        return joules // JOULES_PER_HUNDREDTH

    @invariant()
    def no_total_that_was_shown_ever_falls(self) -> None:
        assert self.total >= self.shown

    @invariant()
    def the_total_is_the_truth_less_what_nobody_could_know(self) -> None:
        unseen = sum(session.energy - self.told.seen.get(session, 0) for session in self.sessions)
        truth = sum(session.energy for session in self.sessions)
        assert self.total == truth - unseen - self.told.merged


# `make torture` asks for thousands.
Watching.TestCase.settings = settings(
    max_examples=int(os.environ.get("TORTURE_EXAMPLES", "300")), stateful_step_count=40, deadline=None
)
TestTheSumOfTheTrueSessions = Watching.TestCase
