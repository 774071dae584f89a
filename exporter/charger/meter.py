"""The energy meter: computes a total that never falls, and a list of sessions, from the energies a charger reports.

The service reports the energy of the running session, which starts again at 0 with a new one. docs/energy.md has the
rules. Energy is in whole joules, so that sums have no rounding error (0.01 kWh is 36,000 J).
"""

from copy import copy
from typing import Final

from exporter.charger.decision_input import EnergyReading, Evidence, NewSessionEvidence
from exporter.charger.decisions import LateMeaning, decide_late
from exporter.charger.document_energy import DocumentEnergy
from exporter.charger.energy import SLACK, kwh_text, valid_energy
from exporter.charger.events import ChargerDocument, Reading
from exporter.charger.log_order import NEW, LogOrder, Order
from exporter.charger.meter_state import MeterState
from exporter.charger.metered_sessions import MeteredSessions
from exporter.charger.outcome import ACCEPTED, DUPLICATE, INVALID, OUT_OF_ORDER, Judged, Judgement, Outcome
from exporter.charger.power_estimate import PowerEstimate
from exporter.charger.session_list import SessionList
from exporter.charger.sessions import KnownBy

# A restart is a gap anyway, so GAP need not be kept. An int, because IntFlag arithmetic takes ten times as long.
KEPT_EVIDENCE: Final = ~int(Evidence.GAP)


class EnergyMeter:
    """One charger's meter."""

    __slots__ = ("_document", "_order", "_power", "_sessions", "list")

    def __init__(self, max_power_watts: float, state: MeterState | None = None) -> None:
        restored = state or MeterState()
        self.list = SessionList(
            start=restored.start_joules,
            settled=restored.settled_joules,
            settled_set_aside=restored.settled_set_aside_joules,
            counted=restored.total_joules,
            sessions=restored.sessions,
            listed=restored.listed_sessions,
            last_number=restored.last_session_number,
            current=copy(restored.current),
            previous=copy(restored.previous),
        )
        self._order = LogOrder(copy(restored.logs))
        self._power = PowerEstimate(copy(restored.power))
        evidence = NewSessionEvidence(restored.switched_on_unix)
        evidence.note(Evidence(restored.evidence))
        self._sessions = MeteredSessions(
            max_power_watts, self.list, self._order, self._power, evidence, restored.document
        )
        self._document = DocumentEnergy(self._sessions, restored.reported_previous)
        if state is not None:
            self.gap()  # events were missed while the exporter was not running

    def configure(self, max_power_watts: float) -> None:
        """Apply a changed configuration; the total does not change."""
        self._sessions.max_power_watts = max_power_watts

    @property
    def total_joules(self) -> int | None:
        """The counter; None before the first document or log."""
        return self.list.counted

    @property
    def session_joules(self) -> int | None:
        """The energy of the running or last session, as reported; None before the first."""
        return None if self.list.current is None else self.list.current.reported

    @property
    def last_log_unix(self) -> float | None:
        """When the charger wrote its last log."""
        return self._order.kept.time

    @property
    def session_began_unix(self) -> float | None:
        """When the running session began; None if there is none, or it has not delivered energy."""
        current = self.list.current
        return None if current is None or current.ended_at is not None or not current.number else current.began_at

    def state(self) -> MeterState:
        """Return the state to write to disk; its parts are not copies."""
        sessions, evidence = self.list, self._sessions.evidence
        # By position, since keywords take six times as long, at every event.
        return MeterState(
            sessions.counted,
            sessions.excess,
            sessions.start,
            sessions.settled,
            sessions.settled_set_aside,
            sessions.sessions,
            sessions.listed,
            sessions.last_number,
            sessions.current,
            sessions.previous,
            int(evidence.all) & KEPT_EVIDENCE,
            evidence.switched_on_unix,
            self._sessions.pending_document,
            self._document.reported_previous,
            self._order.kept,
            self._power.kept,
        )

    def switched_off(self, now: float) -> None:
        """Record a switch to OFF that was seen live: the session has ended, the next reading may begin a new one."""
        current = self.list.current
        if current is not None:
            current.end(max(self._order.charger_time(now), current.read_at), KnownBy.STATUS)
        self._power.interrupt()
        self.note_off()

    def note_off(self) -> None:
        """Record that the charger is OFF, without a time at which it was switched off."""
        self._sessions.note_off()

    def switched_on(self, now: float) -> None:
        """Record a switch to ON that was seen live: energy from now on may belong to a new session."""
        self._sessions.note(Evidence.ON)
        self._power.interrupt()
        self._sessions.evidence.switched_on_unix = now

    def gap(self, kind: Evidence = Evidence.GAP) -> None:
        """Record a gap: events may have been missed, so a new session may have begun."""
        self._sessions.note(kind)
        self._power.interrupt()
        current = self.list.current
        if current is not None:
            self._sessions.evidence.begin_gap(current.energy, current.read_at)

    def observe(self, log: Reading, now: float) -> Outcome:
        """Take a log. If it has no energy, only its order is checked."""
        energy, power_watts = valid_energy(log.session_energy_joules), log.power_watts
        order = self._order.take(log.created_unix, energy, now)
        if order is not NEW and order is not Order.CLOCK_RESET:
            if order is Order.DUPLICATE:
                return DUPLICATE
            if energy is not None and log.created_unix is not None:
                self._take_late(EnergyReading(energy, self._order.time_of(log.created_unix), log.user), now)
            return OUT_OF_ORDER
        if self._order.after_silence:
            # Even if this log has no energy: the next one does not come after the silence.
            self.gap(Evidence.DROP)
        if energy is None:
            return ACCEPTED if log.session_energy_joules is None else INVALID
        at = self._order.kept.time or now
        self._power.observe(energy, at, power_watts)
        current, sessions = self.list.current, self._sessions
        if (
            sessions.needs_no_decision
            and current is not None
            and 0 <= energy - current.energy <= SLACK
            and (log.user is None or log.user == sessions.evidence.user)
            and order is NEW
        ):
            # The quick way, for nearly all logs.
            sessions.continue_session(current, energy, at, power_watts)
            return ACCEPTED
        outcome = self._take(EnergyReading(energy, at, log.user, self._power.flow(power_watts), power_watts))
        if order is Order.CLOCK_RESET:
            judged = Judged(Judgement.CLOCK_RESET, f"at {kwh_text(energy)} kWh: the charger's clock was set back")
            return outcome._replace(judged=(judged, *outcome.judged))
        return outcome

    def _take(self, reading: EnergyReading) -> Outcome:
        """Take a reading that is in order."""
        self._sessions.evidence.end_gap(reading.at)
        self._document.settle(reading)
        return self._sessions.take(reading)

    def _take_late(self, reading: EnergyReading, now: float) -> None:
        """Take a log out of order: it may be from before the current session, or from before a held reading."""
        current, held = self.list.current, self._sessions.held
        if current is None:
            return
        if held is not None and not held.is_high and current.read_at < reading.at < held.first.at:
            # It was written before the held readings: decide on it first, then hold them again.
            self._take(reading)
            self._sessions.hold(held)
            return
        meaning = decide_late(self._sessions.known(current), reading, self._order.silence(now))
        if meaning is LateMeaning.RAISE_PREVIOUS:
            self.list.raise_previous(reading.energy, reading.at)
        elif meaning is LateMeaning.BETWEEN:
            self.list.insert(reading.energy, reading.at)

    def document(self, document: ChargerDocument, now: float) -> tuple[Judged, ...]:
        """Apply a document, which never lowers the meter; return the doubtful decisions."""
        return self._document.take(document, now)
