"""The energy meter: what a charger reports of its sessions in, a total that never falls and a list of sessions out.

The service reports the energy of the running session, which falls back when a new one begins. `decisions.decide` says
what a reading means; `EnergyMeter` applies it. docs/energy.md has the rules. Energy is held in whole joules, so that no
sum of sessions drifts (0.01 kWh is 36,000 J).
"""

from typing import Final

import msgspec

from exporter.charger.decisions import (
    RISES_THAT_PROVE,
    ROUNDING,
    SAME_JOULES,
    SLACK,
    Action,
    Decision,
    DocumentMeaning,
    EnergyReading,
    Evidence,
    Held,
    Judgement,
    Known,
    LateMeaning,
    Limits,
    decide,
    decide_document,
    decide_late,
)
from exporter.charger.events import OFF, Status
from exporter.charger.log_order import NEW, LogOrder, Order
from exporter.charger.meter_state import CountedAs, MeterState, PendingDocument
from exporter.charger.outcome import ACCEPTED, DUPLICATE, INVALID, OUT_OF_ORDER, Judged, Outcome, Verdict, kwh
from exporter.charger.power_estimate import WINDOW_SECONDS, PowerEstimate
from exporter.charger.session_list import SessionList, ended
from exporter.charger.sessions import RunningSession, SessionEvidence, copy_of

MAX_SESSION_JOULES: Final = 10**13
# For so long after a gap, readings may be a backlog that was stamped on arrival.
BACKLOG_SECONDS: Final = 300.0


# A charger that was silent for so long, in time and in usual intervals, may have lost its connection unnoticed.
SILENCE_SECONDS: Final = 120.0
SILENCE_INTERVALS: Final = 5.0
# Where nobody saw a session begin, its first log stands for the beginning up to so long.
ASSUMED_SECONDS: Final = 60.0


class EnergyMeter:
    """One charger's meter."""

    __slots__ = (
        "_after_gap_at",
        "_before_gap",
        "_document",
        "_evidence",
        "_fresh_evidence",
        "_held",
        "_is_plain",
        "_on_top_of",
        "_order",
        "_power",
        "_previous_user",
        "_reported_previous",
        "_switched_on",
        "_user",
        "_users_vary",
        "list",
        "max_power_watts",
    )

    def __init__(self, max_power_watts: float, state: MeterState | None = None) -> None:
        self.max_power_watts = max_power_watts
        restored = state or MeterState()
        self.list = SessionList(
            restored.start_joules,
            restored.settled_joules,
            restored.settled_set_aside_joules,
            restored.total_joules,
            restored.sessions,
            restored.listed_sessions,
            restored.last_session_number,
            restored.current and copy_of(restored.current),
            restored.previous,
        )
        self._order = LogOrder(restored.logs)
        self._power = PowerEstimate(restored.power)
        self._evidence = Evidence(restored.evidence)
        # When the switch to ON was seen live since the current session began (exporter's clock).
        self._switched_on = restored.switched_on_unix
        self._document = restored.document
        # `prev_energy` of the last document.
        self._reported_previous = restored.reported_previous
        # Users are kept in memory only.
        self._user: int | None = None
        self._previous_user: int | None = None
        self._users_vary = False
        # Where another user's logs began after a switch to ON, while they go on from the energy of the session before.
        self._on_top_of: int | None = None
        self._held: Held | None = None
        self._before_gap: tuple[int, float] | None = None
        self._after_gap_at: float | None = None
        # What of it has come since the session's last reading.
        self._fresh_evidence = self._evidence
        # Whether nothing is open, so that a reading that rises a little needs no decision.
        self._is_plain = False
        if state is not None:
            self.gap()  # an exporter that was not running has seen nothing

    @property
    def total_joules(self) -> int | None:
        """The counter; None before the first document or log."""
        return self.list.counted

    @property
    def excess_joules(self) -> int | None:
        """By how much the counter is ahead of the estimate; None as the counter."""
        return None if self.list.counted is None else self.list.excess

    @property
    def sessions(self) -> int:
        """How many sessions have delivered energy; never falls."""
        return self.list.sessions

    @property
    def session_joules(self) -> int | None:
        """The energy of the running or last session, as reported; None before the first."""
        return None if self.list.current is None else self.list.current.reported

    @property
    def last_log_unix(self) -> float | None:
        """When the charger wrote its last log."""
        return self._order.time

    @property
    def session_began_unix(self) -> float | None:
        """When the running session began; None if there is none, or it has not delivered energy."""
        current = self.list.current
        return None if current is None or current.ended_at is not None or not current.number else current.began_at

    def state(self) -> MeterState:
        """What is to be kept on disk."""
        sessions = self.list
        return MeterState(
            sessions.counted,
            sessions.excess,
            sessions.start,
            sessions.settled,
            sessions.settled_set_aside,
            sessions.sessions,
            sessions.listed,
            sessions.last_number,
            sessions.current and copy_of(sessions.current),
            sessions.previous,
            int(self._evidence & ~Evidence.GAP),  # a restart is a gap anyway
            self._switched_on,
            self._document,
            self._reported_previous,
            self._order.state(),
            self._power.state(),
        )

    def switched_off(self, now: float) -> None:
        """The switch to OFF was seen live: the session has ended, and the next reading may belong to a new one."""
        current = self.list.current
        if current is not None:
            ended(current, max(now - self._order.delay, current.read_at), SessionEvidence.STATUS)
        self._power.interrupt()
        self.still_off()

    def still_off(self) -> None:
        """The charger is OFF, and when that began is not known."""
        self._note(Evidence.OFF)
        current = self.list.current
        if current is not None:
            ended(current, max(current.read_at, current.began_at), SessionEvidence.DOCUMENT)

    def switched_on(self, now: float) -> None:
        """The switch to ON was seen live: what flows from now on may be a new session."""
        self._note(Evidence.ON)
        self._power.interrupt()
        self._switched_on = now

    def gap(self, kind: Evidence = Evidence.GAP) -> None:
        """Events may have been missed: a new session may have begun unseen."""
        self._note(kind)
        self._power.interrupt()
        current = self.list.current
        if current is not None and (self._before_gap is None or self._after_gap_at is not None):
            self._before_gap = (current.energy, current.read_at)
            self._after_gap_at = None

    def _note(self, evidence: Evidence) -> None:
        self._evidence |= evidence
        self._fresh_evidence |= evidence
        self._is_plain = False

    def observe(
        self,
        energy_joules: float | None,
        created_unix: float | None,
        user: int | None,
        power_watts: float | None,
        now: float,
    ) -> Outcome:
        """Takes a log in. All in SI units; `user` is a fingerprint that can only be compared.

        A log without an energy is judged by its order alone.
        """
        energy = None
        # NaN fails both comparisons.
        if energy_joules is not None and 0 <= energy_joules <= MAX_SESSION_JOULES:
            energy = round(energy_joules)
        usual_interval = self._order.usual_interval
        order = self._order.take(created_unix, energy, now)
        if order is not NEW and order is not Order.CLOCK_RESET:
            if order is Order.DUPLICATE:
                return DUPLICATE
            if energy is not None and created_unix is not None:
                self._take_late(EnergyReading(energy, self._order.time_of(created_unix), user))
            return OUT_OF_ORDER
        if energy is None:
            return ACCEPTED if energy_joules is None else INVALID
        at = self._order.time or now
        if usual_interval and self._order.interval > max(SILENCE_SECONDS, SILENCE_INTERVALS * usual_interval):
            self.gap(Evidence.DROP)
        self._power.observe(energy, at, power_watts)
        current = self.list.current
        if (
            self._is_plain
            and current is not None
            and 0 <= energy - current.energy <= SLACK
            and (user is None or user == self._user)
            and order is NEW
        ):
            self._go_on(current, energy, at)
            if power_watts is not None and power_watts > current.peak_watts:
                current.peak_watts = power_watts
            return ACCEPTED
        reading = EnergyReading(energy, at, user, self._power.flow(power_watts))
        outcome = self._take(reading, power_watts)
        if order is Order.CLOCK_RESET:
            judged = Judged(Judgement.CLOCK_RESET, f"at {kwh(energy)}: the charger's clock was set back")
            return outcome._replace(judged=(judged, *outcome.judged))
        return outcome

    def _take(self, reading: EnergyReading, power_watts: float | None) -> Outcome:
        """Decides on a reading in order, and applies the decision."""
        self._notice_end_of_gap(reading.at)
        self._settle_document(reading)
        current = self.list.current
        if current is None:
            self._begin(reading, Decision(Action.BEGIN))
            self._note_power(power_watts)
            return ACCEPTED
        if current.read_at == 0.0:
            # A document began the session, at a time of the exporter's clock. The charger's may be behind.
            current.began_at = min(current.began_at, reading.at)
        energies = f"{kwh(reading.energy)} after {kwh(current.energy)}"
        decision = decide(self._known(current), reading)
        self._held = decision.held
        verdict = self._apply(decision, current, reading)
        if verdict is Verdict.ACCEPTED:
            self._note_power(power_watts)
        self._is_plain = self._nothing_is_open()
        judged: tuple[Judged, ...] = ()
        if decision.judgement is not None:
            judged = (Judged(decision.judgement, f"{energies}: {decision.reason}"),)
        if verdict is Verdict.ACCEPTED:
            return Outcome(verdict, judged=judged) if judged else ACCEPTED
        return Outcome(verdict, energies, judged)

    def _apply(self, decision: Decision, current: RunningSession, reading: EnergyReading) -> Verdict:
        match decision.action:
            case Action.CONTINUE:
                self._continue(current, reading, decision)
            case Action.BEGIN:
                self._begin(reading, decision)
            case Action.MERGE:
                self._merge(current, reading)
            case Action.COUNT_JUMP | Action.SET_JUMP_ASIDE:
                self._jump(current, reading, decision)
            case Action.HOLD_HIGH:
                return Verdict.IMPLAUSIBLE
            case Action.HOLD_LOW:
                return Verdict.ENERGY_GLITCH
        return Verdict.ACCEPTED

    def _notice_end_of_gap(self, at: float) -> None:
        if self._before_gap is None:
            return
        if self._after_gap_at is None:
            self._after_gap_at = at
        elif at - self._after_gap_at > BACKLOG_SECONDS:
            self._before_gap = self._after_gap_at = None

    def _take_late(self, reading: EnergyReading) -> None:
        """A log out of order may still tell of what was before the current session, or before a held reading."""
        current, held = self.list.current, self._held
        if current is None:
            return
        if held is not None and not held.is_high and current.read_at < reading.at < held.first.at:
            self._take(reading, None)
            self._held, self._is_plain = held, False
            return
        meaning = decide_late(self._known(current), reading)
        if meaning is LateMeaning.RAISE_PREVIOUS:
            self.list.raise_previous(reading.energy, reading.at)
        elif meaning is LateMeaning.BETWEEN:
            at = reading.at
            self.list.insert(
                RunningSession(reading.energy, at, at, at, ended_at=at, ended_by=SessionEvidence.LOG, certain=False)
            )

    def _known(self, current: RunningSession) -> Known:
        hard = self.max_power_watts
        return Known(
            current,
            self.list.previous,
            self._evidence,
            self._fresh_evidence,
            self._user,
            self._users_vary,
            None if self._switched_on is None else self._switched_on - self._order.delay,
            self._before_gap,
            self._after_gap_at,
            self._held,
            Limits(self._power.rise_limit(hard), self._power.new_session_limit(hard), hard),
        )

    def _nothing_is_open(self) -> bool:
        current, previous = self.list.current, self.list.previous
        return (
            current is not None
            and current.number > 0
            and not self._fresh_evidence
            and self._held is None
            and self._document is None
            and self._before_gap is None
            and (previous is None or current.rises >= RISES_THAT_PROVE or current.energy >= previous.energy)
        )

    def _go_on(self, current: RunningSession, energy: int, at: float) -> None:
        """The session goes on with this energy, or stays at a higher one."""
        current.read_at = at
        if energy > current.energy:
            current.energy = energy
            current.changed_at = at
            current.rises += 1
            if current.ended_at is not None and at > current.ended_at:
                current.ended_at = current.ended_by = None  # it was a pause
            self.list.count()

    def _continue(self, current: RunningSession, reading: EnergyReading, decision: Decision) -> None:
        if not current.reported and self._evidence & (Evidence.OFF | Evidence.ON):
            self._begin(reading, decision)  # what has delivered nothing does not go on
            return
        if decision.judgement is not None:
            current.certain = False
        self._fresh_evidence = Evidence.NOTHING
        is_another_user = None not in (reading.user, self._user) and reading.user != self._user
        self._users_vary |= is_another_user
        if self._user is None:
            self._user = reading.user
        may_be_on_top = is_another_user or current.base > 0
        if may_be_on_top and self._evidence & Evidence.ON and self._is_on_top(current, reading):
            return
        self._go_on(current, reading.energy, reading.at)

    def _is_on_top(self, current: RunningSession, reading: EnergyReading) -> bool:
        """Whether the charger does not reset its energy: a session rises from where the last one ended.

        Another user shows it, or that the last session began so too.
        """
        if self._on_top_of is None:
            # Another user's first log may still show how the last session ended.
            self._on_top_of = current.energy if current.base else max(reading.energy, current.energy)
        if reading.energy <= self._on_top_of + (0 if current.base else ROUNDING):
            return False
        current.energy = self._on_top_of
        self._begin(reading, Decision(Action.BEGIN), base=self._on_top_of)
        return True

    def _begin(self, reading: EnergyReading, decision: Decision, base: int = 0) -> None:
        ending = self.list.current
        session = RunningSession(
            energy=reading.energy,
            began_at=reading.at,
            read_at=reading.at,
            changed_at=reading.at,
            first_energy=reading.energy,
            first_at=reading.at,
            base=base,
            begun_on=int(self._evidence),
            certain=decision.judgement is None,
        )
        by_user = self._user is not None and reading.user is not None and reading.user != self._user
        if self._switched_on is not None:
            session.began_at = min(self._switched_on - self._order.delay, reading.at)
            session.began_by = SessionEvidence.STATUS
        else:
            if by_user:
                session.began_by = SessionEvidence.USER
            self._assume_begin(session, reading)
        if ending is not None:
            ended(ending, ending.read_at, SessionEvidence.USER if by_user else SessionEvidence.LOG)
            if decision.judgement is not None:
                ending.certain = False
            if self._document is not None:
                # A backlog: what the document reported is the energy of this, later session.
                session.document_energy, ending.document_energy = self._document.energy, 0
                self._document = msgspec.structs.replace(self._document, counted_as=CountedAs.RAISE)
        self._previous_user, self._user = self._user, reading.user
        self._users_vary = False
        self._evidence = self._fresh_evidence = Evidence.NOTHING
        self._switched_on = self._on_top_of = None
        if self._before_gap is not None:
            self._before_gap = (0, self._before_gap[1])
        self.list.begin(session)

    def _assume_begin(self, session: RunningSession, reading: EnergyReading) -> None:
        """It began in a gap: that is as long ago as its energy takes at the power that it reports."""
        ending = self.list.current
        if ending is None or not self._evidence & Evidence.GAP or not reading.watts:
            return
        seconds = (reading.energy - session.base) / reading.watts
        session.began_at = min(max(reading.at - seconds, ending.read_at), reading.at)
        if seconds > ASSUMED_SECONDS:
            session.began_by = SessionEvidence.ASSUMED

    def _merge(self, glitch: RunningSession, reading: EnergyReading) -> None:
        self.list.take_up_previous()
        current = self.list.current
        assert current is not None, "a merge needs a previous session"
        current.certain = False
        current.document_energy = glitch.document_energy
        current.ended_at = current.ended_by = None
        self._user = self._previous_user
        # What said that a session may have begun says so still.
        self._evidence |= Evidence(glitch.begun_on)
        self._go_on(current, reading.energy, reading.at)
        self.list.count()

    def _jump(self, current: RunningSession, reading: EnergyReading, decision: Decision) -> None:
        held = decision.held
        if held is not None and held.last.at - held.first.at >= WINDOW_SECONDS:
            self._power.confirm((held.last.energy - held.first.energy) / (held.last.at - held.first.at))
        if decision.action is Action.SET_JUMP_ASIDE:
            current.set_aside += reading.energy - current.energy
        current.certain = False
        self._held = None
        self._go_on(current, reading.energy, reading.at)

    def _note_power(self, power_watts: float | None) -> None:
        current = self.list.current
        if power_watts is not None and current is not None and power_watts > current.peak_watts:
            current.peak_watts = power_watts

    def document(
        self,
        energy_joules: float | None,
        previous_joules: float | None,
        user: int | None,
        status: Status | None,
        now: float,
    ) -> tuple[Judged, ...]:
        """Takes a document in. It never lowers the meter.

        One of a charger that is ON may be old: the next log tells. One of a charger that is OFF has the last energy of
        the session that ended, and raises the meter until a log from after it settles that.
        """
        energy = None
        if energy_joules is not None and 0 <= energy_joules <= MAX_SESSION_JOULES:
            energy = round(energy_joules)
        current = self.list.current
        if current is None:
            self._reported_previous = previous_joules
            self._take_first_document(energy, status, now)
            return ()
        if previous_joules is not None:
            before, self._reported_previous = self._reported_previous, previous_joules
            is_current = current.reported > 0 and abs(previous_joules - current.reported) <= SAME_JOULES
            if is_current or (before is not None and abs(previous_joules - before) > SAME_JOULES):
                self._note(Evidence.ENDED)
        if status is not OFF:
            return ()
        judged = () if energy is None else self._take_last_energy(current, energy, user, now)
        self.still_off()
        return judged

    def _take_first_document(self, energy: int | None, status: Status | None, now: float) -> None:
        if energy is not None:
            # When this energy was read is not known: for all that the next log is compared with, long ago.
            session = RunningSession(energy, now, read_at=0.0, changed_at=0.0, began_by=SessionEvidence.DOCUMENT)
            if status is OFF:
                session.base = energy  # it was delivered before
            self.list.begin(session)
        self.list.count()
        if status is OFF:
            self.still_off()
        else:
            self._note(Evidence.GAP)

    def _take_last_energy(
        self, current: RunningSession, energy: int, user: int | None, now: float
    ) -> tuple[Judged, ...]:
        """The energy of a document of a charger that is OFF."""
        at = max(now - self._order.delay, current.read_at)
        known = self._known(current)
        meaning = decide_document(known, EnergyReading(energy, at, user))
        if meaning is DocumentMeaning.NOTHING:
            return ()
        self._is_plain = False
        if meaning is DocumentMeaning.OWN_SESSION:
            self._document = PendingDocument(energy, now, CountedAs.SESSION)
            self._begin_unseen(energy, at)
            self._user = user
            text = f"{kwh(energy)} after {kwh(current.reported)}: a session of another user that nobody saw"
            return (Judged(Judgement.DOCUMENT_SESSION, text),)
        if meaning is DocumentMeaning.PREVIOUS_SESSION:
            self.list.take_up_previous()
            current = self.list.current or current
            current.certain = False
        self._document = PendingDocument(energy, now, CountedAs.RAISE)
        current.document_energy = energy
        self.list.count()
        return ()

    def _begin_unseen(self, energy: int, at: float) -> None:
        """A session known from a document alone."""
        ending = self.list.current
        began_at = at if ending is None else ending.read_at
        if ending is not None:
            ended(ending, ending.read_at, SessionEvidence.DOCUMENT)
        session = RunningSession(energy, began_at, at, at, SessionEvidence.DOCUMENT, int(self._evidence), certain=False)
        self.list.begin(session)

    def _settle_document(self, reading: EnergyReading) -> None:
        """A log before a pending document is judged as if that had not come; the first after it settles it."""
        document, current = self._document, self.list.current
        if document is None or current is None:
            return
        if reading.at + self._order.delay < document.received:
            if document.counted_as is CountedAs.SESSION:
                self.list.take_up_previous()
                self._document = msgspec.structs.replace(document, counted_as=CountedAs.NOTHING)
            return
        self._document = None
        at = min(document.received - self._order.delay, reading.at)
        if document.counted_as is CountedAs.NOTHING:
            self._begin_unseen(document.energy, at)
        elif current.document_energy > current.energy:
            current.energy = current.document_energy
            current.changed_at = max(current.changed_at, at)
        current.document_energy = 0
