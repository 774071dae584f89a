"""The truth of a charger: its sessions, their power, and correct logs."""

import random
from dataclasses import dataclass, field, replace
from typing import Literal

Users = Literal["absent", "constant", "changing"]

START = 1_764_324_000.0  # 2025-11-28T10:00:00Z
# Nominal power in watts and line voltage: sockets, AC and DC chargers.
CHARGERS = ((3_300, 230), (7_400, 230), (11_000, 400), (22_000, 400), (30_000, 400), (60_000, 500), (120_000, 700))
INTERVALS = (2.0, 10.0, 30.0, 60.0, 60.0, 120.0)


@dataclass(slots=True)
class Plan:
    """How a charger is used, before random values are drawn; faults may change it."""

    sessions: int
    watts: float
    volts: float
    interval: float
    users: Users
    short_sessions: bool = False
    pauses: bool = False


@dataclass(slots=True)
class Flow:
    """Power that flows from one time to another."""

    begin: float
    end: float
    watts: float


@dataclass(eq=False, slots=True)
class Session:
    """The truth of a session. `rest_of` is the session that a power cut divided it from."""

    user: str | None
    begun: float
    ended: float
    flows: list[Flow]
    rest_of: "Session | None" = None
    # After this time the charger's register shows this much less than has flowed.
    forgotten_kwh: float = 0.0
    forgotten_from: float = 0.0
    # The charger writes no log in these times.
    silences: list[tuple[float, float]] = field(default_factory=list)
    # It is switched off and on around these times, while the session continues.
    switched_off: list[tuple[float, float]] = field(default_factory=list)
    # The times at which the service sends that the charger dropped.
    drops: list[float] = field(default_factory=list)

    def kwh(self, at: float) -> float:
        """The value of a correct register."""
        joules = sum(flow.watts * max(0.0, min(at, flow.end) - flow.begin) for flow in self.flows)
        forgotten = self.forgotten_kwh if self.forgotten_kwh and at >= self.forgotten_from else 0.0
        return max(0.0, joules / 3.6e6 - forgotten)

    def watts(self, at: float) -> float:
        return sum(flow.watts for flow in self.flows if flow.begin < at <= flow.end)

    def is_silent(self, at: float) -> bool:
        return any(begin <= at < end for begin, end in self.silences)


@dataclass(eq=False, slots=True)
class Log:
    """A log. `true_kwh` is the true energy of its session in it; None if the energy is wrong."""

    session: Session | None
    written: float
    kwh: float
    true_kwh: float | None
    watts: float
    volts: float
    user: str | None
    created: float | None = None
    device: str = "hardware-1"
    arrives: float = 0.0
    has_power: bool = True
    seconds_only: bool = False

    def resent(self, arrives: float) -> "Log":
        return replace(self, arrives=arrives)


def plan(rng: random.Random) -> Plan:
    """A plan that any charger might have."""
    watts, volts = rng.choice(CHARGERS)
    return Plan(
        sessions=rng.randint(2, 5),
        watts=watts,
        volts=volts,
        interval=rng.choice(INTERVALS),
        users=rng.choice(("absent", "constant", "constant", "changing", "changing")),
    )


def sessions(rng: random.Random, plan: Plan) -> list[Session]:
    """The sessions of a plan, in order, with a break between them."""
    life: list[Session] = []
    now = START + rng.uniform(60, 600)
    for number in range(plan.sessions):
        short = plan.short_sessions and rng.random() < 0.9
        seconds = plan.interval * 10 ** rng.uniform(1.2, 2.2)
        if short:
            seconds = rng.uniform(0.5, 1.5) * max(plan.interval, 30.0)
        user = {"absent": None, "constant": "alice", "changing": f"user-{rng.randint(1, 3)}-{number}"}[plan.users]
        session = Session(user, now, now + seconds, [])
        _charge(rng, plan, session)
        life.append(session)
        now = session.ended + rng.choice((rng.uniform(20, 120), rng.uniform(120, 1800), rng.uniform(1800, 14400)))
    return life


def _charge(rng: random.Random, plan: Plan, session: Session) -> None:
    """Let power flow: at full power, perhaps with a pause, and less of it towards the end."""
    begin = session.begun + rng.uniform(0, plan.interval / 2)
    seconds = session.ended - begin
    full = plan.watts * rng.uniform(0.5, 1.0)
    cuts = sorted(rng.uniform(0.3, 1) for _ in range(rng.randint(0, 2)))
    at, watts = begin, full
    for cut in [*cuts, 1.0]:
        end = begin + seconds * cut
        session.flows.append(Flow(at, end, watts))
        at, watts = end, watts * rng.uniform(0.4, 0.9)
    if plan.pauses:
        for _ in range(rng.randint(1, 3)):
            _pause(rng, session)


def _pause(rng: random.Random, session: Session) -> None:
    begin = rng.uniform(session.begun + 30, max(session.begun + 31, session.ended))
    seconds = rng.uniform(120, 3600)
    interrupt(session, begin, seconds)
    kind = rng.random()
    if kind < 0.3:
        session.silences.append((begin + 5, begin + seconds))
    elif kind < 0.6:
        session.silences.append((begin + 5, begin + seconds))
        session.switched_off.append((begin + 4, begin + seconds))


def interrupt(session: Session, begin: float, seconds: float) -> None:
    """Let no power flow for this time; the energy flows later."""
    flows: list[Flow] = []
    for flow in session.flows:
        if flow.end <= begin:
            flows.append(flow)
        elif flow.begin >= begin:
            flows.append(Flow(flow.begin + seconds, flow.end + seconds, flow.watts))
        else:
            flows += [Flow(flow.begin, begin, flow.watts), Flow(begin + seconds, flow.end + seconds, flow.watts)]
    session.flows = flows
    session.ended += seconds
    session.silences = [_later(silence, begin, seconds) for silence in session.silences]
    session.switched_off = [_later(off, begin, seconds) for off in session.switched_off]
    session.drops = [drop + seconds if drop >= begin else drop for drop in session.drops]


def _later(span: tuple[float, float], begin: float, seconds: float) -> tuple[float, float]:
    return (span[0] + seconds, span[1] + seconds) if span[0] >= begin else span


def delay(life: list[Session], index: int, seconds: float) -> None:
    """Let everything from a session on happen later."""
    for session in life[index:]:
        session.begun += seconds
        session.ended += seconds
        session.flows = [Flow(flow.begin + seconds, flow.end + seconds, flow.watts) for flow in session.flows]
        session.silences = [(begin + seconds, end + seconds) for begin, end in session.silences]
        session.switched_off = [(begin + seconds, end + seconds) for begin, end in session.switched_off]
        session.drops = [drop + seconds for drop in session.drops]
        session.forgotten_from += seconds


def logs(rng: random.Random, plan: Plan, life: list[Session]) -> list[Log]:
    """The logs of a correct charger: one per interval while it is on."""
    written: list[Log] = []
    for session in life:
        at = session.begun + rng.uniform(0.3, 1) * plan.interval
        while at < session.ended:
            if not session.is_silent(at):
                kwh = round(session.kwh(at), 2)
                log = Log(session, at, kwh, kwh, session.watts(at), plan.volts, session.user, at, arrives=at + 0.3)
                written.append(log)
            at += plan.interval * rng.uniform(0.97, 1.03)
    return written
