"""Applies the energy in a charger's documents to its sessions."""

import msgspec

from exporter.charger.decision_input import EnergyReading, valid_energy
from exporter.charger.decisions import Judgement
from exporter.charger.document_meaning import DocumentMeaning, decide_document
from exporter.charger.events import OFF, ChargerDocument, Status
from exporter.charger.evidence import Evidence
from exporter.charger.log_order import LogOrder
from exporter.charger.meter_state import CountedAs, PendingDocument
from exporter.charger.metered_sessions import MeteredSessions
from exporter.charger.outcome import Judged, kwh
from exporter.charger.sessions import RunningSession, SessionEvidence
from exporter.charger.tolerances import SAME_JOULES


class DocumentEnergy:
    """The energies of one charger's documents."""

    __slots__ = ("_order", "_sessions")

    def __init__(self, sessions: MeteredSessions, order: LogOrder) -> None:
        self._sessions = sessions
        self._order = order

    def take(self, document: ChargerDocument, now: float) -> tuple[Judged, ...]:
        """Takes a document: it never lowers the meter. Returns what was doubtful.

        The document of a charger that is ON may be old, so its energy is ignored: the next log has it. The document of
        a charger that is OFF has the last energy of the session that ended. It raises the meter; the first log written
        after it settles the energy.
        """
        energy = valid_energy(document.session_energy_joules)
        current = self._sessions.list.current
        if current is None:
            self._sessions.evidence.reported_previous = document.previous_energy_joules
            self._take_first_document(energy, document.status, now)
            return ()
        if document.previous_energy_joules is not None:
            self._take_previous_energy(current, document.previous_energy_joules)
        if document.status is not OFF:
            return ()
        judged = () if energy is None else self._take_last_energy(current, energy, document.user, now)
        self._sessions.still_off()
        return judged

    def settle(self, reading: EnergyReading) -> None:
        """Settles a pending document with the first log written after it.

        Until then, a log written before the document is judged as if there were no document.
        """
        document, current = self._sessions.pending_document, self._sessions.list.current
        if document is None or current is None:
            return
        if reading.at + self._order.delay < document.received:
            if document.counted_as is CountedAs.SESSION:
                self._sessions.list.take_up_previous()
                self._sessions.pending_document = msgspec.structs.replace(document, counted_as=CountedAs.NOTHING)
            return
        self._sessions.pending_document = None
        at = min(document.received - self._order.delay, reading.at)
        if document.counted_as is CountedAs.NOTHING:
            self._sessions.begin_unseen(document.energy, at)
        elif current.document_energy > current.energy:
            current.energy = current.document_energy
            current.changed_at = max(current.changed_at, at)
        current.document_energy = 0

    def _take_previous_energy(self, current: RunningSession, previous: float) -> None:
        """Notes that the current session has ended, if `prev_energy` is its energy, or has changed since it began."""
        evidence = self._sessions.evidence
        before, evidence.reported_previous = evidence.reported_previous, previous
        is_current = current.reported > 0 and abs(previous - current.reported) <= SAME_JOULES
        if is_current or (before is not None and abs(previous - before) > SAME_JOULES):
            self._sessions.note(Evidence.ENDED)

    def _take_first_document(self, energy: int | None, status: Status | None, now: float) -> None:
        if energy is not None:
            # When this energy was read is not known, so it counts as read long ago.
            session = RunningSession(energy, now, read_at=0.0, changed_at=0.0, began_by=SessionEvidence.DOCUMENT)
            if status is OFF:
                session.base = energy  # it was delivered before
            self._sessions.list.begin(session)
        self._sessions.list.count()
        if status is OFF:
            self._sessions.still_off()
        else:
            self._sessions.note(Evidence.GAP)

    def _take_last_energy(
        self, current: RunningSession, energy: int, user: int | None, now: float
    ) -> tuple[Judged, ...]:
        """Takes the energy in the document of a charger that is OFF."""
        at = max(now - self._order.delay, current.read_at)
        known = self._sessions.known(current)
        meaning = decide_document(known, EnergyReading(energy, at, user))
        if meaning is DocumentMeaning.NOTHING:
            return ()
        if meaning is DocumentMeaning.OWN_SESSION:
            self._sessions.pending_document = PendingDocument(energy, now, CountedAs.SESSION)
            self._sessions.begin_unseen(energy, at)
            self._sessions.users.current = user
            text = f"{kwh(energy)} after {kwh(current.reported)}: a session of another user that nobody saw"
            return (Judged(Judgement.DOCUMENT_SESSION, text),)
        if meaning is DocumentMeaning.PREVIOUS_SESSION:
            self._sessions.list.take_up_previous()
            current = self._sessions.list.current or current
            current.certain = False
        self._sessions.pending_document = PendingDocument(energy, now, CountedAs.RAISE)
        current.document_energy = energy
        self._sessions.list.count()
        return ()
