"""Writes the recording of a world, and its truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.charger.recording import RecordedEvent, to_line
from tests.charger.worlds.life import Log, Session
from tests.charger.worlds.service import Service
from tests.charger.worlds.truth import SentSession, Truth
from tests.charger.worlds.world import Absence, World

# A log with a lower energy than before, but above this share of it, may be a dip of the meter.
DIP = 0.9
# Energies that differ by less may be the same: two roundings to 0.01 kWh.
ROUNDING = 0.02
# A fall from less than this, with no other sign, may be anything.
TINY = 0.1


@dataclass(frozen=True, slots=True)
class RecordedWorld:
    """A recording and its truth."""

    lines: list[bytes]
    truth: Truth


def record(world: World) -> RecordedWorld:
    """Record everything that reaches the exporter."""
    return _Recorder(world).record()


class _Recorder:
    def __init__(self, world: World) -> None:
        self._world = world
        self._service = Service(world)
        self._truth = Truth(world.plan.interval, extra_kwh=world.slack_kwh)
        self._lines: list[bytes] = []
        # True if a status or document since the last log has shown that its session ended, or another began.
        self._boundary_seen = False
        self._gap = False
        self._on_seen_at: float | None = None
        self._user: str | None = None
        self._documents: list[tuple[Session, float]] = []

    def record(self) -> RecordedWorld:
        self._connect(self._world.watched_from)
        for at, what in sorted(self._events(), key=lambda event: event[0]):
            match what:
                case Log():
                    self._log(at, what)
                case str():
                    self._status(at, what)
                case None:
                    self._write(at, "chargerDisconnected")
                    self._gap = True
                case Absence():
                    self._write(at, "disconnect")
                    self._gap = True
                case "restart", _:
                    self._write(at, "restart")
                    self._gap, self._user = True, None
                case _:
                    self._connect(at)
        self._settle()
        return RecordedWorld(self._lines, self._truth)

    def _events(self) -> Iterator[tuple[float, object]]:
        """Every event of the exporter, with its time."""
        absences = _merged([*self._world.absences, *self._disconnects()])
        heard: list[tuple[float, object]] = [(log.arrives, log) for log in self._world.logs]
        heard += list(self._service.statuses)
        heard += [(at, None) for session in self._world.sessions for at in session.drops]
        heard += [(at, None) for at in self._world.drops]
        for at, what in heard:
            if at > self._world.watched_from and not any(parts[0].begin <= at <= end for parts, end in absences):
                yield at, what
        for parts, end in absences:
            # A process that has ended gets no events.
            if parts[0].kind != "process":
                yield parts[0].begin, parts[0]
            for part in parts:
                if part.kind == "process":
                    yield min(part.end, end), ("restart", None)
            yield end + 0.001, ("connect", None)

    def _disconnects(self) -> list[Absence]:
        """After OFF the service disconnects, as documented; not every service does."""
        rng = self._world.rng
        if rng.random() < 0.3:
            return []
        offs = (at for at, status in self._service.statuses if status == "OFF")
        return [Absence(at + 0.1, at + rng.uniform(1, 4), "disconnect") for at in offs]

    def _write(self, at: float, event: str, data: object = None) -> None:
        self._lines.append(to_line(RecordedEvent(datetime.fromtimestamp(at, UTC), "c1", event, data)))

    def _connect(self, at: float) -> None:
        self._write(at, "connect")
        document, session, sent = self._service.document(at + 0.2)
        self._write(at + 0.2, "chargerConnected", document)
        if self._service.is_on(at + 0.2):
            return
        self._boundary_seen = True
        if session is not None and sent is not None and self._truth.sent:
            self._sent_by_document(session, sent)

    def _sent_by_document(self, session: Session, kwh: float) -> None:
        known = self._truth.of(session)
        if known is not None:
            known.kwh = max(known.kwh, kwh)
        elif self._names_another(session, kwh):
            self._truth.sent.append(SentSession(session, kwh))
            self._user = session.user
        else:
            # A session without a log that nothing distinguishes from the previous one.
            self._documents.append((session, kwh))

    def _names_another(self, session: Session, kwh: float) -> bool:
        """Return whether a document can only be of an unseen session, by its user and energy."""
        is_another_user = self._user is not None and session.user not in (None, self._user)
        return is_another_user and abs(kwh - self._truth.sent[-1].kwh) > ROUNDING

    def _status(self, at: float, status: str) -> None:
        self._write(at, "statusChanged", self._service.status(status))
        self._boundary_seen = True
        self._on_seen_at = at if status == "ON" else None

    def _log(self, at: float, log: Log) -> None:
        self._write(at, "newLog", self._service.log(log))
        if log.true_kwh is None or log.session is None:
            return
        sent = self._truth.of(log.session)
        if sent is None:
            sent = self._begin(log.session, log)
        if sent is self._truth.sent[-1]:
            self._boundary_seen = False
        sent.kwh = max(sent.kwh, log.true_kwh)
        self._user = log.user or self._user

    def _begin(self, session: Session, log: Log) -> SentSession:
        sent = SentSession(session, first_log=log)
        before = self._truth.counted[-1] if self._truth.counted else None
        users_differ = None not in (self._user, log.user) and self._user != log.user
        falls = before is not None and log.kwh < DIP * before.kwh - ROUNDING
        ended_or_began = self._boundary_seen and before is not None and before.kwh > 2 * ROUNDING
        sent.is_apart = before is None or ended_or_began or users_differ or (self._gap and falls)
        is_level = before is not None and (before.kwh < TINY or log.kwh >= before.kwh - ROUNDING)
        sent.is_hidden = session.rest_of is not None and is_level and not sent.is_apart
        on_was_seen = self._on_seen_at is not None and abs(self._on_seen_at - session.begun) < 1
        is_first = log.written - session.begun <= self._truth.interval
        sent.begin_is_known = on_was_seen or (is_first and sent.is_apart)
        self._truth.sent.append(sent)
        self._gap = False
        return sent

    def _settle(self) -> None:
        """A session that a document may have reported may be counted."""
        for session, kwh in self._documents:
            known = self._truth.of(session)
            if known is None:
                self._truth.extra_kwh += kwh
                self._truth.extra_sessions += 1
            else:
                known.kwh = max(known.kwh, kwh)
        if self._world.register_runs_on:
            # A register that continues also shows energy for which no log came.
            flowed = sum(session.kwh(session.ended) for session in self._world.sessions)
            sent, _ = self._truth.joules
            # Only the status shows that a session has ended: all of them may be one.
            self._truth.least_sessions = 1
            self._truth.extra_kwh = max(self._truth.extra_kwh, flowed - sent / 3.6e6)


def _merged(absences: list[Absence]) -> list[tuple[list[Absence], float]]:
    """Absences that overlap, together, and when the last of them ends."""
    merged: list[tuple[list[Absence], float]] = []
    for absence in sorted(absences, key=lambda absence: absence.begin):
        if merged and absence.begin <= merged[-1][1] + 1:
            merged[-1] = ([*merged[-1][0], absence], max(merged[-1][1], absence.end))
        else:
            merged.append(([absence], absence.end))
    return merged
