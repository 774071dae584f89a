"""Applies the energy in a charger's documents to its sessions."""

import msgspec

from exporter.charger.decision_input import EnergyReading, Evidence
from exporter.charger.decisions import DocumentMeaning, decide_document
from exporter.charger.energy import SAME_JOULES, kwh_text, valid_energy
from exporter.charger.events import OFF, ChargerDocument, Status
from exporter.charger.metered_sessions import MeteredSessions
from exporter.charger.outcome import Judged, Judgement
from exporter.charger.possible_sessions import same_session_is_possible
from exporter.charger.sessions import CountedAs, KnownBy, PendingDocument, RunningSession


class DocumentEnergy:
    """The energies of one charger's documents. `reported_previous` is `prev_energy` of the last document."""

    __slots__ = ("_sessions", "reported_previous")

    def __init__(self, sessions: MeteredSessions, reported_previous: float | None) -> None:
        self._sessions = sessions
        self.reported_previous = reported_previous

    def take(self, document: ChargerDocument, now: float) -> tuple[Judged, ...]:
        """Apply a document, which never lowers the meter; return the doubtful decisions.

        The document of a charger that is ON may be old, so its energy is ignored: the next log has it. The document of
        a charger that is OFF has the last energy of the session that ended. It raises the meter; the first log written
        after it confirms or corrects the energy.
        """
        energy = valid_energy(document.session_energy_joules)
        current = self._sessions.list.current
        if current is None:
            self.reported_previous = document.previous_energy_joules
            self._take_first_document(energy, document.status, now)
            return ()
        previous = document.previous_energy_joules
        if previous is not None:
            if self._says_ended(current, previous, now):
                self._sessions.note(Evidence.ENDED)
            self.reported_previous = previous
        if document.status is not OFF:
            return ()
        judged = () if energy is None else self._take_last_energy(current, energy, document.user, now)
        self._sessions.note_off()
        return judged

    def settle(self, reading: EnergyReading) -> None:
        """Settle a pending document with the first log that was written after it."""
        sessions = self._sessions
        document, current = sessions.pending_document, sessions.list.current
        if document is None or current is None:
            return
        at = sessions.order.charger_time(document.received)
        if reading.at < at:
            if document.counted_as is CountedAs.SESSION:
                sessions.list.resume_previous()
                sessions.pending_document = msgspec.structs.replace(document, counted_as=CountedAs.NOTHING)
            return
        sessions.pending_document = None
        if document.counted_as is CountedAs.NOTHING:
            sessions.begin_unseen(document.energy, at)
        elif current.document_energy > current.energy:
            current.energy = current.document_energy
            current.changed_at = max(current.changed_at, at)
        current.document_energy = 0

    def _says_ended(self, current: RunningSession, previous: int, now: float) -> bool:
        """Return whether `prev_energy` is the last energy of the current session.

        That is the known energy of the session, or a new one that it can have reached.
        """
        if current.reported > 0 and abs(previous - current.reported) <= SAME_JOULES:
            return True
        before, earlier = self.reported_previous, self._sessions.list.previous
        if before is None or abs(previous - before) <= SAME_JOULES or previous < current.reported:
            return False  # it has not changed, or is less than is known
        if earlier is not None and abs(previous - earlier.reported) <= SAME_JOULES:
            return False  # it is the energy of the session before
        reading = EnergyReading(previous, self._sessions.order.charger_time(now))
        return same_session_is_possible(self._sessions.known(current), reading)

    def _take_first_document(self, energy: int | None, status: Status | None, now: float) -> None:
        if energy is not None:
            # The time of this energy is unknown, so it is treated as read long ago.
            session = RunningSession(energy, now, read_at=0.0, changed_at=0.0, began_by=KnownBy.DOCUMENT)
            if status is OFF:
                session.base = energy  # delivered before the exporter knew the charger; not counted
            self._sessions.list.begin(session)
        self._sessions.list.count()
        if status is OFF:
            self._sessions.note_off()
        else:
            self._sessions.note(Evidence.GAP)

    def _take_last_energy(
        self, current: RunningSession, energy: int, user: int | None, now: float
    ) -> tuple[Judged, ...]:
        """Apply the energy in the document of a charger that is OFF."""
        sessions = self._sessions
        at = max(sessions.order.charger_time(now), current.read_at)
        meaning = decide_document(sessions.known(current), EnergyReading(energy, at, user))
        if meaning is DocumentMeaning.NOTHING:
            return ()
        if meaning is DocumentMeaning.OWN_SESSION:
            sessions.pending_document = PendingDocument(energy, now, CountedAs.SESSION)
            sessions.begin_unseen(energy, at)
            sessions.evidence.user = user
            text = f"{kwh_text(energy)} kWh after {kwh_text(current.reported)} kWh: an unseen session of another user"
            return (Judged(Judgement.DOCUMENT_SESSION, text),)
        if meaning is DocumentMeaning.PREVIOUS_SESSION:
            sessions.list.resume_previous()
            current = sessions.list.current or current
            current.certain = False
        sessions.pending_document = PendingDocument(energy, now, CountedAs.RAISE)
        current.document_energy = energy
        sessions.list.count()
        return ()
