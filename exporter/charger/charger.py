"""The state of a charger. Every event changes it through `Charger.apply`.

The page shows its attributes and properties. Nothing here uses a clock, a socket or a metric.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from exporter.charger.account import Account
from exporter.charger.changes import Changes
from exporter.charger.clock import Moment
from exporter.charger.decision_input import Evidence
from exporter.charger.description import Description
from exporter.charger.events import (
    OFF,
    ON,
    UNKNOWN,
    ChargerDocument,
    ChargerDropped,
    Connected,
    ConnectFailed,
    Disconnected,
    Event,
    Reading,
    ServiceError,
    Status,
    StatusChange,
    TokenInUse,
    Undecodable,
    UnknownEvent,
)
from exporter.charger.meter import EnergyMeter
from exporter.charger.meter_state import MeterState, Totals
from exporter.charger.notice import DROPPED, SERVICE_ERROR, SWITCHED_OFF, SWITCHED_ON, Notice, ignored
from exporter.charger.outcome import Judged, Verdict
from exporter.charger.readings import Readings
from exporter.charger.sessions import Session
from exporter.charger.stream_record import StreamRecord

# Its values must not be shown for this charger.
OTHER_CHARGER: Final = "payload of another charger"


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of the configuration that apply to every charger."""

    # None is three times the usual interval of each charger.
    stale_after_seconds: float | None = None
    max_power_watts: float = 400_000.0
    expose_location: bool = False


class KeptState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The part of a charger that is kept on disk, where fields have no names: add new ones at the end, with a default.

    Without gc, as MeterState, since it cannot be part of a cycle.
    `sessions` are the sessions settled since the last commit: each is written once and never revised. Sessions that
    may still be revised are part of `meter`.
    """

    meter: MeterState
    first_seen_unix: float
    sessions: tuple[Session, ...] = ()


class Charger:
    """The state of one charger, in SI units; None is unknown. Every change is marked in `changes`."""

    __slots__ = (
        "_changes",
        "_on_since_unix",
        "about",
        "account",
        "charger_id",
        "committed",
        "first_seen_unix",
        "meter",
        "readings",
        "revision",
        "status",
        "stream",
        "wifi_connected",
    )

    def __init__(
        self,
        charger_id: str,
        name: str | None,
        account: Account,
        rules: Rules,
        first_seen_unix: float,
        kept: KeptState | None = None,
        *,
        changes: Changes | None = None,
    ) -> None:
        self.charger_id = charger_id
        self.account = account
        self.first_seen_unix = kept.first_seen_unix if kept else first_seen_unix
        self.meter = EnergyMeter(rules.max_power_watts, kept.meter if kept else None)
        # The counters on disk, which a scrape shows.
        self.committed = self.meter.state().totals
        self.about = Description(name, account.name, rules.expose_location)
        # Counts every change except an ordinary reading, after which most rows of the page need not be read again.
        self.revision = 0
        self.stream = StreamRecord()
        self.readings = Readings(rules.stale_after_seconds)
        self.status = UNKNOWN
        self.wifi_connected: bool | None = None
        self._on_since_unix: float | None = None
        self._changes = changes or Changes()

    def apply(self, event: Event, now: Moment) -> tuple[Notice, ...]:
        """Apply an event of the stream and return the notices to log. Never raises."""
        notices = self._apply(event, now)
        self._changes.mark(self, now)
        return notices

    def _apply(self, event: Event, now: Moment) -> tuple[Notice, ...]:  # noqa: C901 - one flat match
        if not isinstance(event, Reading):
            self.revision += 1
        match event:
            case Reading():
                return self._take_reading(event, now)
            case ChargerDocument():
                return self._take_document(event, now)
            case StatusChange(status):
                self._count(event.label, now)
                if status is ON:
                    self.meter.switched_on(now.unix)
                else:
                    self.meter.switched_off(now.unix)
                return self._set_status(status, now)
            case ChargerDropped():
                self._count(event.label, now)
                self.wifi_connected = False
                self.meter.gap(Evidence.DROP)
                return (DROPPED,)
            case ServiceError(occupied):
                self._count(event.label, now)
                # An occupied charger ends the connection, and the stream logs why.
                return () if occupied else (SERVICE_ERROR,)
            case UnknownEvent():
                self._count(event.label, now)
            case Undecodable(label, reason):
                # A packet that is not an event proves the connection, not the charger.
                self._count(label, now, is_event=label != UnknownEvent.label)
                return self._ignore(label, f"undecodable payload: {reason}")
            case TokenInUse(expiry_unix):
                self.account.token_expiry_unix = expiry_unix
            case Connected():
                self.stream.connect()
            case ConnectFailed(reason, advice):
                self.stream.fail(advice)
                self.account.connect_failures[reason] += 1
            case Disconnected(reason):
                self.stream.disconnect()
                self.account.disconnections[reason] += 1
                self.meter.gap()
        return ()

    def set_configuration(self, name: str | None, account: Account, rules: Rules) -> None:
        """Apply a changed configuration; no count changes."""
        self._changes.unrendered[self] = None
        self.revision += 1
        self.account = account
        self.about.name, self.about.account_name = name, account.name
        self.about.expose_location = rules.expose_location
        self.readings.configure(rules.stale_after_seconds)
        self.meter.configure(rules.max_power_watts)

    def kept_state(self) -> KeptState:
        """Return the state to write to disk; encode it before the next event."""
        settled = self.meter.list.newly_settled
        return KeptState(self.meter.state(), self.first_seen_unix, tuple(settled) if settled else ())

    def saved(self, totals: Totals, settled: Sequence[Session]) -> None:
        """Record that a state with these totals and newly settled sessions is on disk: it may be shown."""
        self.committed = totals
        if settled:
            for session in settled:
                self.account.count_session(session)
            del self.meter.list.newly_settled[: len(settled)]
        self._changes.unrendered_totals[self] = totals

    def is_up(self, now: Moment) -> bool:
        """Return whether the charger can be reached now: see `vecharge_charger_up`."""
        stream = self.stream
        if not (stream.connected and stream.has_heard) or self.wifi_connected is False:
            return False
        return self.status is not ON or now.monotonic <= self.readings.stale_at

    @property
    def session_start_unix(self) -> float | None:
        """When the running session began, by the charger's own clock; None while the charger is not on."""
        if self.status is not ON:
            return None
        began = self.meter.session_began_unix
        return self._on_since_unix if began is None else began

    def _count(self, label: str, now: Moment, *, is_event: bool = True) -> None:
        self.account.events[label] += 1
        self.stream.last_event_unix = now.unix
        if is_event:
            self.stream.has_heard = True

    def _take_reading(self, reading: Reading, now: Moment) -> tuple[Notice, ...]:
        self._count(reading.label, now)
        if reading.charger_id is not None and reading.charger_id != self.charger_id:
            return self._ignore(reading.label, OTHER_CHARGER)
        notices = self._invalid_fields(reading) if reading.invalid_fields else ()
        is_other_device = reading.device_id is not None and reading.device_id != self.about.device_id
        if is_other_device and self.about.device_id is not None:
            self.meter.gap()  # other hardware has its own energy
        outcome = self.meter.observe(reading, now.unix)
        verdict = outcome.verdict
        if verdict is Verdict.ACCEPTED:
            self.readings.accepted += 1
        else:
            self.readings.rejected += 1
            self.account.readings_rejected[verdict] += 1
            notices += (Notice("debug", f"reading rejected: {verdict.value}: {outcome.reason}"),)
            if not verdict.in_order:
                return notices
        if outcome.judged:
            notices += self._count_judgements(outcome.judged)
        if is_other_device:
            self.about.device_id = reading.device_id
            self.revision += 1
        if self.wifi_connected is False:
            self.wifi_connected = True  # a charger that sends logs has Wi-Fi, even if it was reported as down
            self.revision += 1
        if self.status is OFF and not self.readings.prove_on(reading, now.unix):
            # A late log of the session that ended: only its energy counts.
            self.meter.note_off()
            return notices
        if self.status is not ON:
            notices += self._set_status(ON, now)
        # Show voltage, current and power even if the energy is rejected.
        self.readings.show(reading, now)
        return notices

    def _count_judgements(self, doubtful: tuple[Judged, ...]) -> tuple[Notice, ...]:
        for judgement, _ in doubtful:
            self.account.energy_judgements[judgement] += 1
        return tuple(
            Notice("info", f"energy judged: {text}", {"judgement": judgement.value}) for judgement, text in doubtful
        )

    def _take_document(self, document: ChargerDocument, now: Moment) -> tuple[Notice, ...]:
        self._count(document.label, now)
        if document.charger_id is not None and document.charger_id != self.charger_id:
            return self._ignore(document.label, OTHER_CHARGER)
        notices = self._invalid_fields(document) if document.invalid_fields else ()
        self.about.document = document
        if document.wifi_connected is not None:
            self.wifi_connected = document.wifi_connected
        notices += self._count_judgements(self.meter.document(document, now.unix))
        if document.status is not None:
            notices += self._set_status(document.status, now)
        return notices

    def _invalid_fields(self, event: Reading | ChargerDocument) -> tuple[Notice, ...]:
        return self._ignore(event.label, *(f"invalid field: {name}" for name in event.invalid_fields))

    def _ignore(self, label: str, *what: str) -> tuple[Notice, ...]:
        """Count a payload that is ignored as a whole or in part; return the notices, which say what is ignored."""
        self.account.decode_errors[label] += 1
        return tuple(ignored(each, label) for each in what)

    def _set_status(self, status: Status, now: Moment) -> tuple[Notice, ...]:
        if status is self.status:
            return ()
        before, self.status = self.status, status
        self.revision += 1
        is_on = status is ON
        self.readings.switch(now, is_on=is_on)
        self._on_since_unix = now.unix if is_on else None
        if before is UNKNOWN:
            return ()
        return (SWITCHED_ON if is_on else SWITCHED_OFF,)
