"""The events that `Charger.apply` accepts: those of the service, in SI units, and those of the connection.

`charger/wire.py` decodes the events of the service. `label` is the name of an event on the wire and in the metrics.
"""

from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from exporter.errors import ConnectFailure


class Status(StrEnum):
    """The status of a charger, as the service last reported it."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


# Module constants: Python 3.11 takes ten times as long to look a member up in its class, at every log.
ON: Final = Status.ON
OFF: Final = Status.OFF
UNKNOWN: Final = Status.UNKNOWN


class Disconnection(StrEnum):
    """Why a connected stream ended."""

    SERVER = "server"
    TRANSPORT = "transport"
    IDLE = "idle"
    RELOAD = "reload"


class Reading(msgspec.Struct, frozen=True, gc=False):
    """A log of the charger. `None` is absent or invalid. An energy that is not a number is NaN."""

    label: ClassVar[str] = "newLog"

    charger_id: str | None = None
    voltage_volts: float | None = None
    current_amperes: float | None = None
    power_watts: float | None = None
    session_energy_joules: float | None = None
    created_unix: float | None = None
    device_id: str | None = None
    user: int | None = None
    invalid_fields: tuple[str, ...] = ()


class ChargerDocument(msgspec.Struct, frozen=True, gc=False):
    """What the service knows about the charger, sent on connecting. `None` is absent or invalid."""

    label: ClassVar[str] = "chargerConnected"

    charger_id: str | None = None
    status: Status | None = None
    session_energy_joules: float | None = None
    previous_energy_joules: int | None = None
    wifi_connected: bool | None = None
    active: bool | None = None
    connected_unix: float | None = None
    generator_desired: bool | None = None
    generator_reported: bool | None = None
    latitude_degrees: float | None = None
    longitude_degrees: float | None = None
    mode: str | None = None
    operator: str | None = None
    partner_id: str | None = None
    address: str | None = None
    detail: str | None = None
    user: int | None = None
    invalid_fields: tuple[str, ...] = ()


class StatusChange(msgspec.Struct, frozen=True, gc=False):
    """The charger was switched on or off."""

    label: ClassVar[str] = "statusChanged"

    status: Status


class ChargerDropped(msgspec.Struct, frozen=True, gc=False):
    """The charger has lost its connection to the service."""

    label: ClassVar[str] = "chargerDisconnected"


class ServiceError(msgspec.Struct, frozen=True, gc=False):
    """The service reports an error, whose text stays in `wire.py`. Occupied: another device holds the charger."""

    label: ClassVar[str] = "error"

    occupied: bool


class UnknownEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that the protocol does not name: it is counted and ignored."""

    label: ClassVar[str] = "other"


class Undecodable(msgspec.Struct, frozen=True, gc=False):
    """A payload that cannot be decoded: the label of its event ("other" if it is not an event), and the reason."""

    label: str
    reason: str


class TokenInUse(msgspec.Struct, frozen=True, gc=False):
    """A token was read for an attempt to connect. It expires at `expiry_unix`, if it says so."""

    expiry_unix: float | None


class Connected(msgspec.Struct, frozen=True, gc=False):
    """The stream's namespace is connected."""


class ConnectFailed(msgspec.Struct, frozen=True, gc=False):
    """An attempt to connect failed. `advice` says why and what to do, and is safe to show."""

    reason: ConnectFailure
    advice: str = ""


class Disconnected(msgspec.Struct, frozen=True, gc=False):
    """A connected stream has ended."""

    reason: Disconnection


ServiceEvent = Reading | ChargerDocument | StatusChange | ChargerDropped | ServiceError | UnknownEvent | Undecodable
StreamEvent = TokenInUse | Connected | ConnectFailed | Disconnected
Event = ServiceEvent | StreamEvent

# The label values of the event counters.
EVENT_LABELS: Final = tuple(
    kind.label for kind in (ChargerDocument, StatusChange, Reading, ChargerDropped, ServiceError, UnknownEvent)
)
# A packet that is not an event.
GARBLED: Final = Undecodable(UnknownEvent.label, "not a valid Socket.IO packet")
