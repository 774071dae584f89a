"""A charger: all that is known of one, and the one way to change it.

`Charger.apply` holds every rule for a message of the stream. What a scrape shows is read off the attributes and
the few methods below; nothing here knows a clock, a socket or a metric.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from exporter.charger.account import Account
from exporter.charger.clock import Moment
from exporter.charger.events import Connected, ConnectFailed, Disconnected, Garbled, Received, StreamEvent, TokenInUse
from exporter.charger.meter import ACCEPTED, EnergyMeter, MeterState
from exporter.charger.wire import (
    OFF,
    ON,
    OTHER_EVENT,
    UNKNOWN,
    ChargerDocument,
    ChargerDropped,
    Reading,
    ServiceError,
    Status,
    StatusChange,
    decode,
    event_label,
)
from exporter.errors import DecodeError

OCCUPIED_ADVICE: Final = (
    "the service says that the charger is connected to another device: close the app there, or stop the other exporter"
)


class Notice(StrEnum):
    """What of an event is worth a line in the log."""

    SWITCHED_ON = "switched_on"
    SWITCHED_OFF = "switched_off"
    DROPPED = "dropped"
    OCCUPIED = "occupied"
    SERVICE_ERROR = "service_error"
    NOT_UNDERSTOOD = "not_understood"
    OTHER_CHARGER = "other_charger"
    READING_REJECTED = "reading_rejected"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says of every charger."""

    stale_after_seconds: float = 300.0
    max_power_watts: float = 400_000.0
    expose_location: bool = False


class KeptState(msgspec.Struct, frozen=True, gc=False):
    """All of a charger that outlives the process. Without gc, as MeterState: it holds nothing that could be a cycle."""

    meter: MeterState
    first_seen_unix: float


class Charger:
    """All that is known of one charger. SI units; None is not known."""

    __slots__ = (
        "_fresh_since",
        "_heard_on_connection",
        "_reading_since",
        "_rules",
        "_session_has_readings",
        "account",
        "charger_id",
        "committed",
        "connect_failures",
        "connected",
        "connections",
        "current_amperes",
        "device_id",
        "disconnections",
        "document",
        "first_seen_unix",
        "info",
        "last_event_unix",
        "last_problem",
        "meter",
        "name",
        "power_watts",
        "readings",
        "readings_rejected",
        "session_start_unix",
        "status",
        "voltage_volts",
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
    ) -> None:
        self.charger_id = charger_id
        self.name = name
        self.account = account
        self._rules = rules
        self.first_seen_unix = kept.first_seen_unix if kept else first_seen_unix
        self.meter = EnergyMeter(rules.max_power_watts, kept.meter if kept else None)
        # What of the meter is on disk. Only this is shown of the durable counters: what has been scraped is on disk.
        self.committed = self.meter.state()
        self.status = UNKNOWN
        self.session_start_unix: float | None = None
        self.document = ChargerDocument()
        self.device_id: str | None = None
        self.wifi_connected: bool | None = None
        self.voltage_volts: float | None = None
        self.current_amperes: float | None = None
        self.power_watts: float | None = None
        self.readings = 0
        self.readings_rejected = 0
        self.connected = False
        self.connections = 0
        self.disconnections = 0
        self.connect_failures = 0
        self.last_event_unix: float | None = None
        # Why the stream is not connected, in words, and what to do.
        self.last_problem: str | None = None
        self.info = self._info()
        self._heard_on_connection = False
        self._session_has_readings = False
        # When the last accepted reading was received, and since when one is due; monotonic seconds.
        self._reading_since: float | None = None
        self._fresh_since: float | None = None

    def apply(self, event: StreamEvent, now: Moment) -> Notice | None:
        """Takes an event of the stream in: the one way to change a charger. Never raises."""
        match event:
            case Received():
                return self._receive(event, now)
            case TokenInUse(expiry_unix):
                self.account.token_expiry_unix = expiry_unix
            case Connected():
                self.connected = True
                self.last_problem = None
                self._heard_on_connection = False
                self.connections += 1
            case ConnectFailed(reason, advice):
                self.last_problem = advice or None
                self.connect_failures += 1
                self.account.connect_failures[reason] += 1
            case Disconnected(reason):
                self.connected = False
                self.disconnections += 1
                self.account.disconnections[reason] += 1
                self.meter.gap()
            case Garbled():
                self.account.events[OTHER_EVENT] += 1
                self.account.decode_errors[OTHER_EVENT] += 1
                self.last_event_unix = now.unix
                return Notice.NOT_UNDERSTOOD
        return None

    def kept_state(self) -> KeptState:
        """What is to be kept on disk."""
        return KeptState(self.meter.state(), self.first_seen_unix)

    def set_configuration(self, name: str | None, account: Account, rules: Rules) -> None:
        """Takes a changed configuration over; nothing that was counted changes."""
        self.name = name
        self.account = account
        self._rules = rules
        self.meter.max_power_watts = rules.max_power_watts
        self.info = self._info()

    def is_fresh(self, now: Moment) -> bool:
        """Whether the last accepted reading is still to be shown."""
        since = self._reading_since
        return since is not None and now.monotonic - since <= self._rules.stale_after_seconds

    def is_up(self, now: Moment) -> bool:
        """Whether the charger can be reached now: see `vecharge_charger_up`."""
        if not (self.connected and self._heard_on_connection) or self.wifi_connected is False:
            return False
        if self.status is not ON:
            return True
        since = self._fresh_since
        return since is not None and now.monotonic - since <= self._rules.stale_after_seconds

    def next_change(self, now: Moment) -> float:
        """The monotonic time at which what is shown changes although no event comes; infinite if it does not."""
        if self._fresh_since is None:
            return math.inf
        # A reading is never younger than the switch to ON, and readings of before it are not shown any more.
        stale_at = self._fresh_since + self._rules.stale_after_seconds
        return stale_at if stale_at >= now.monotonic else math.inf

    @property
    def shown_position(self) -> tuple[float | None, float | None]:
        """Latitude and longitude in degrees, if the operator wants them shown."""
        if not self._rules.expose_location:
            return None, None
        return self.document.latitude_degrees, self.document.longitude_degrees

    def _info(self) -> tuple[str, ...]:
        """The values of the info labels; what is not known is empty."""
        document = self.document
        return (
            self.name or "",
            self.account.name,
            self.device_id or "",
            document.operator or "",
            document.partner_id or "",
            document.mode or "",
            document.address or "",
            document.detail or "",
        )

    def _receive(self, event: Received, now: Moment) -> Notice | None:
        label = event_label(event.name)
        self.account.events[label] += 1
        self.last_event_unix = now.unix
        self._heard_on_connection = True
        try:
            decoded = decode(label, event.arguments)
        except DecodeError:
            self.account.decode_errors[label] += 1
            return Notice.NOT_UNDERSTOOD
        match decoded:
            case Reading() | ChargerDocument():
                return self._take_from_charger(decoded, label, now)
            case StatusChange(status):
                return self._set_status(status, now)
            case ChargerDropped():
                self.wifi_connected = False
                self.meter.gap()
                return Notice.DROPPED
            case ServiceError(occupied):
                if occupied:
                    self.last_problem = OCCUPIED_ADVICE
                return Notice.OCCUPIED if occupied else Notice.SERVICE_ERROR
        return None

    def _take_from_charger(self, decoded: Reading | ChargerDocument, label: str, now: Moment) -> Notice | None:
        if decoded.charger_id is not None and decoded.charger_id != self.charger_id:
            # Another charger's numbers must never be shown as this one's.
            self.account.decode_errors[label] += 1
            return Notice.OTHER_CHARGER
        if isinstance(decoded, Reading) and decoded.measures_nothing:
            self.account.decode_errors[label] += 1
            return Notice.NOT_UNDERSTOOD
        notice = self._take_reading(decoded, now) if isinstance(decoded, Reading) else self._take_document(decoded, now)
        if decoded.bad_fields:
            self.account.decode_errors[label] += 1
            return notice or Notice.NOT_UNDERSTOOD
        return notice

    def _take_reading(self, reading: Reading, now: Moment) -> Notice | None:
        sessions = self.meter.sessions
        verdict = self.meter.observe(reading.session_energy_joules, reading.created_unix, reading.user, now.unix)
        if verdict is ACCEPTED:
            self.readings += 1
        else:
            self.readings_rejected += 1
            self.account.readings_rejected[verdict] += 1
        if not verdict.in_order:
            return Notice.READING_REJECTED
        if reading.device_id is not None and reading.device_id != self.device_id:
            self.device_id = reading.device_id
            self.info = self._info()
        if self.wifi_connected is not None:
            self.wifi_connected = True  # whatever was said last: a charger that sends logs has its Wi-Fi
        if self.status is OFF:
            # A late log of the session that ended: its energy counts, and a new session is still to come.
            self.meter.switched_off()
        else:
            notice = self._set_status(ON, now)
            # One bad field does not cost the others: a refused energy leaves voltage, current and power.
            self.voltage_volts = reading.voltage_volts
            self.current_amperes = reading.current_amperes
            self.power_watts = reading.power_watts
            self._reading_since = self._fresh_since = now.monotonic
            if self.meter.sessions > sessions and self._session_has_readings:
                self.session_start_unix = now.unix
            self._session_has_readings = True
            if verdict is ACCEPTED:
                return notice
        return None if verdict is ACCEPTED else Notice.READING_REJECTED

    def _take_document(self, document: ChargerDocument, now: Moment) -> Notice | None:
        self.document = document
        self.info = self._info()
        if document.wifi_connected is not None:
            self.wifi_connected = document.wifi_connected
        is_on = document.status is ON
        self.meter.document(document.session_energy_joules, document.user, is_on=is_on, now_unix=now.unix)
        return None if document.status is None else self._set_status(document.status, now)

    def _set_status(self, status: Status, now: Moment) -> Notice | None:
        if status is OFF:
            self.meter.switched_off()
        if status is self.status:
            return None
        before, self.status = self.status, status
        # Readings of before the switch say nothing about now.
        self.voltage_volts = self.current_amperes = self.power_watts = None
        self._reading_since = None
        if status is OFF:
            self.session_start_unix = None
            return None if before is UNKNOWN else Notice.SWITCHED_OFF
        self.session_start_unix = now.unix
        self._session_has_readings = False
        self._fresh_since = now.monotonic  # a charger just switched on has `stale_after` to send its first log
        return None if before is UNKNOWN else Notice.SWITCHED_ON
