"""Applies the decision on each reading to the sessions of a charger."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from exporter.charger.decision_input import EnergyReading, Evidence, Held, Known, NewSessionEvidence
from exporter.charger.decisions import RISES_THAT_PROVE, Action, Decision, decide
from exporter.charger.energy import ROUNDING, kwh_text
from exporter.charger.log_order import LogOrder
from exporter.charger.outcome import ACCEPTED, Judged, Outcome, Verdict
from exporter.charger.power_estimate import WINDOW_SECONDS, PowerEstimate
from exporter.charger.session_list import SessionList
from exporter.charger.sessions import CountedAs, KnownBy, PendingDocument, RunningSession

# A start that is computed to be more than this before the first log is marked as assumed.
ASSUMED_SECONDS: Final = 60.0


@dataclass(slots=True)
class MeteredSessions:
    """Begins, continues and merges the sessions of one charger."""

    max_power_watts: float
    list: SessionList
    order: LogOrder
    power: PowerEstimate
    evidence: NewSessionEvidence
    pending_document: PendingDocument | None
    # The run of readings that are held back until others confirm them.
    held: Held | None = field(default=None, init=False)
    # While this is true, a small rise continues the session.
    needs_no_decision: bool = field(default=False, init=False)
    # The energy at which the next session begins, if the charger does not reset its energy (`_begin_on_top`).
    _on_top_of: int | None = field(default=None, init=False)

    def note(self, evidence: Evidence) -> None:
        """Add evidence that a new session may have begun."""
        self.evidence.note(evidence)
        self.needs_no_decision = False

    def hold(self, held: Held) -> None:
        """Hold these readings again."""
        self.held = held
        self.needs_no_decision = False

    def note_off(self) -> None:
        """Record that the charger is OFF, without a time at which it was switched off."""
        self.note(Evidence.OFF)
        current = self.list.current
        if current is not None:
            current.end(max(current.read_at, current.began_at), KnownBy.DOCUMENT)

    def known(self, current: RunningSession) -> Known:
        """Return the input of a decision on the next reading."""
        limits = self.power.limits(self.max_power_watts)
        return Known(current, self.list.previous, self.evidence, self._switched_on_at(), self.held, limits)

    def take(self, reading: EnergyReading) -> Outcome:
        """Decide on a reading that is in order, and apply the decision."""
        current = self.list.current
        if current is None:
            self._begin(reading)
            return ACCEPTED
        if current.read_at == 0.0:
            # A document began the session, so its start is a time of the exporter's clock. The charger's may be behind.
            current.began_at = min(current.began_at, reading.at)
        energies = f"{kwh_text(reading.energy)} kWh after {kwh_text(current.energy)} kWh"
        decision = decide(self.known(current), reading)
        self.held = decision.held
        verdict = self._apply(decision, current, reading)
        self.needs_no_decision = self._needs_no_decision()
        judgement = decision.judgement
        judged = () if judgement is None else (Judged(judgement, f"{energies}: {decision.reason}"),)
        return Outcome(verdict, energies, judged)

    def continue_session(self, current: RunningSession, energy: int, at: float, power_watts: float | None) -> None:
        """Continue the session with this energy, unless its own is higher."""
        current.read_at = at
        if power_watts is not None and power_watts > current.peak_watts:
            current.peak_watts = power_watts
        if energy > current.energy:
            current.energy = energy
            current.changed_at = at
            current.rises += 1
            if current.ended_at is not None and at > current.ended_at:
                current.ended_at = current.ended_by = None  # it was a pause
            self.list.count()

    def begin_unseen(self, energy: int, at: float) -> None:
        """Begin a session that only a document reported."""
        ending = self.list.current
        began_at = at if ending is None else ending.read_at
        if ending is not None:
            ending.end(ending.read_at, KnownBy.DOCUMENT)
        begun_on = int(self.evidence.all)
        self.list.begin(RunningSession(energy, began_at, at, at, KnownBy.DOCUMENT, begun_on, certain=False))

    def _apply(self, decision: Decision, current: RunningSession, reading: EnergyReading) -> Verdict:
        certain = decision.judgement is None
        match decision.action:
            case Action.CONTINUE:
                self._continue(current, reading, certain=certain)
            case Action.BEGIN:
                self._begin(reading, certain=certain)
            case Action.MERGE:
                self._merge(current, reading)
            case Action.COUNT_JUMP | Action.SET_JUMP_ASIDE:
                self._jump(current, reading, decision)
            case Action.HOLD_HIGH:
                return Verdict.IMPLAUSIBLE
            case Action.HOLD_LOW:
                return Verdict.ENERGY_GLITCH
        return Verdict.ACCEPTED

    def _continue(self, current: RunningSession, reading: EnergyReading, *, certain: bool) -> None:
        if not current.reported and self.evidence.all & (Evidence.OFF | Evidence.ON):
            self._begin(reading)  # a session without energy does not continue
            return
        current.certain &= certain
        may_be_on_top = self.evidence.is_another_user(reading.user) or current.base > 0
        self.evidence.continue_session(reading.user)
        if may_be_on_top and self.evidence.all & Evidence.ON and self._begin_on_top(current, reading):
            return
        self.continue_session(current, reading.energy, reading.at, reading.reported_watts)

    def _begin_on_top(self, current: RunningSession, reading: EnergyReading) -> bool:
        """Begin a session at the energy of the last one if the charger does not reset it; return whether one began.

        The evidence is another user, or that the last session began in this way.
        """
        if self._on_top_of is None:
            # The first log of another user may still have the last energy of the old session.
            self._on_top_of = current.energy if current.base else max(reading.energy, current.energy)
        if reading.energy <= self._on_top_of + (0 if current.base else ROUNDING):
            return False
        current.energy = self._on_top_of
        self._begin(reading, base=self._on_top_of)
        return True

    def _begin(self, reading: EnergyReading, base: int = 0, *, certain: bool = True) -> None:
        ending, pending, switched_on_at = self.list.current, self.pending_document, self._switched_on_at()
        by_user = self.evidence.is_another_user(reading.user)
        session = RunningSession(
            energy=reading.energy,
            began_at=reading.at,
            read_at=reading.at,
            changed_at=reading.at,
            first_energy=reading.energy,
            first_at=reading.at,
            base=base,
            begun_on=int(self.evidence.all | (Evidence.USER if by_user else Evidence.NOTHING)),
            certain=certain,
        )
        if reading.reported_watts:
            session.peak_watts = reading.reported_watts
        if switched_on_at is not None:
            session.began_at = min(switched_on_at, reading.at)
            session.began_by = KnownBy.STATUS
        else:
            if by_user:
                session.began_by = KnownBy.USER
            self._assume_begin(session, reading)
        if ending is not None:
            ending.end(ending.read_at, KnownBy.USER if by_user else KnownBy.LOG)
            ending.certain &= certain
            if pending is not None:
                # This log is older than the document, whose energy therefore is that of the new session.
                session.document_energy, ending.document_energy = pending.energy, 0
                self.pending_document = msgspec.structs.replace(pending, counted_as=CountedAs.RAISE)
        self.evidence.begin_session(reading.user)
        self._on_top_of = None
        self.list.begin(session)

    def _assume_begin(self, session: RunningSession, reading: EnergyReading) -> None:
        """Compute from energy and power when a session began that began in a gap of the stream or exporter."""
        ending = self.list.current
        if ending is None or not self.evidence.all & Evidence.GAP or not reading.watts:
            return
        seconds = reading.energy / reading.watts
        session.began_at = min(max(reading.at - seconds, ending.read_at), reading.at)
        if seconds > ASSUMED_SECONDS:
            session.began_by = KnownBy.ASSUMED

    def _merge(self, glitch: RunningSession, reading: EnergyReading) -> None:
        self.list.resume_previous()
        self.evidence.resume_previous(Evidence(glitch.begun_on))
        current = self.list.current
        assert current is not None, "a merge needs a previous session"
        current.certain = False
        current.document_energy = glitch.document_energy
        current.ended_at = current.ended_by = None
        self.continue_session(current, reading.energy, reading.at, reading.reported_watts)
        self.list.count()

    def _jump(self, current: RunningSession, reading: EnergyReading, decision: Decision) -> None:
        held = decision.held
        if held is not None and held.last.at - held.first.at >= WINDOW_SECONDS:
            self.power.confirm((held.last.energy - held.first.energy) / (held.last.at - held.first.at))
        if decision.action is Action.SET_JUMP_ASIDE:
            current.set_aside += reading.energy - current.energy
        current.certain = False
        self.held = None
        self.continue_session(current, reading.energy, reading.at, reading.reported_watts)

    def _needs_no_decision(self) -> bool:
        """Return whether a small rise can only continue the session."""
        current, previous = self.list.current, self.list.previous
        return (
            current is not None
            and not self.evidence.fresh
            and self.held is None
            and self._on_top_of is None
            and self.pending_document is None
            and self.evidence.gap is None
            and (previous is None or current.rises >= RISES_THAT_PROVE or current.energy >= previous.energy)
        )

    def _switched_on_at(self) -> float | None:
        """Return when the switch to ON was seen, by the charger's clock."""
        switched_on = self.evidence.switched_on_unix
        return None if switched_on is None else self.order.charger_time(switched_on)
