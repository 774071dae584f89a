"""The wire of the veCharge service: event payloads to typed values in SI units.

The only file that knows the service's field names. A payload is JSON text or an object already decoded;
both happen. Names and shapes: the vendor's README for partners of January 2022 (tests/fixtures), and public
clients of the same service.

Personal data stops here: phone numbers are not read at all, and of a user id only a fingerprint leaves this
file. The fingerprint is salted anew in every process, so that it can be compared and nothing else.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

from exporter.errors import DecodeError

JOULES_PER_KWH: Final = 3_600_000

# A label value longer than this is cut: a server must not be able to fill the memory of Prometheus.
MAX_TEXT_LENGTH: Final = 256


class Status(StrEnum):
    """Whether a charger is switched on, as the service last said."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


# By names of their own: to find a member through its class takes Python 3.11 ten times as long, at every log.
ON: Final = Status.ON
OFF: Final = Status.OFF
UNKNOWN: Final = Status.UNKNOWN


class Reading(msgspec.Struct, frozen=True):
    """A `newLog`. `None` is absent or not understood; an energy that is no number is NaN: the meter judges."""

    charger_id: str | None = None
    voltage_volts: float | None = None
    current_amperes: float | None = None
    power_watts: float | None = None
    session_energy_joules: float | None = None
    created_unix: float | None = None
    device_id: str | None = None
    user: int | None = None
    bad_fields: tuple[str, ...] = ()

    @property
    def measures_nothing(self) -> bool:
        """Whether no quantity at all could be read."""
        measured = (self.voltage_volts, self.current_amperes, self.power_watts, self.session_energy_joules)
        return measured == (None, None, None, None)


class ChargerDocument(msgspec.Struct, frozen=True):
    """A `chargerConnected`: what the service knows of the charger. `None` is absent or not understood."""

    charger_id: str | None = None
    status: Status | None = None
    session_energy_joules: float | None = None
    previous_energy_joules: float | None = None
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
    bad_fields: tuple[str, ...] = ()


class StatusChange(msgspec.Struct, frozen=True):
    """A `statusChanged`."""

    status: Status


class ChargerDropped(msgspec.Struct, frozen=True):
    """A `chargerDisconnected`: the charger has dropped off the service."""


class ServiceError(msgspec.Struct, frozen=True):
    """An `error` event. Its text is the server's and stays here; `occupied` is the one case that is known."""

    occupied: bool


class UnknownEvent(msgspec.Struct, frozen=True):
    """An event that the protocol does not name: counted, nothing else."""


Event = Reading | ChargerDocument | StatusChange | ChargerDropped | ServiceError | UnknownEvent

OTHER_EVENT: Final = "other"


def decode(name: str, arguments: tuple[object, ...]) -> Event:
    """What the event `name` says.

    Raises DecodeError if the payload as a whole cannot be understood. A single bad field costs only itself: it
    is absent from the value and named in `bad_fields`.
    """
    decoder = _DECODERS.get(name)
    if decoder is None:
        return UnknownEvent()
    return decoder(arguments[0] if arguments else None)


def event_label(name: object) -> str:
    """`name` if the protocol has it, else "other": a server cannot grow the number of series."""
    return name if isinstance(name, str) and name in _DECODERS else OTHER_EVENT


def _reading(payload: object) -> Reading:
    fields = _Fields(_object(payload))
    return Reading(
        charger_id=fields.identity("chargerId"),
        voltage_volts=fields.measure("voltage"),
        current_amperes=fields.measure("current"),
        power_watts=fields.measure("power"),
        session_energy_joules=fields.energy("energy"),
        created_unix=fields.instant("createdAt"),
        device_id=fields.text("deviceId"),
        user=fields.fingerprint("userId"),
        bad_fields=tuple(fields.bad),
    )


def _document(payload: object) -> ChargerDocument:
    outer = _object(payload)
    inner = outer.get("_doc")
    # The vendor puts the fields under `_doc` (a Mongoose document as it is); some clients see them on top.
    if isinstance(inner, dict):
        outer = outer | {name: value for name, value in inner.items() if value is not None}
    fields = _Fields(outer)
    longitude, latitude = fields.position("location")
    return ChargerDocument(
        charger_id=fields.identity("_id"),
        status=fields.status("status"),
        session_energy_joules=fields.energy("energy"),
        previous_energy_joules=fields.previous_energy("prev_energy"),
        wifi_connected=fields.flag("wifiConnectivity"),
        active=fields.flag("isActive"),
        connected_unix=fields.instant("connectedTimestamp"),
        generator_desired=_is_on(fields.status("desiredDgStatus")),
        generator_reported=_is_on(fields.status("reportedDgStatus")),
        latitude_degrees=latitude,
        longitude_degrees=longitude,
        mode=fields.text("chargerMode"),
        operator=fields.text("operator"),
        partner_id=fields.text("partnerId"),
        address=fields.text("address"),
        detail=fields.text("detail"),
        user=fields.fingerprint("currentUser"),
        bad_fields=tuple(fields.bad),
    )


def _status_change(payload: object) -> StatusChange:
    status = _Fields(_object(payload)).status("status")
    if status is None:
        raise DecodeError("statusChanged without a status that is ON or OFF")
    return StatusChange(status)


def _dropped(_payload: object) -> ChargerDropped:
    return ChargerDropped()


def _service_error(payload: object) -> ServiceError:
    return ServiceError(occupied=isinstance(payload, str) and "already connected" in payload.lower())


_DECODERS: Final[dict[str, Callable[[object], Event]]] = {
    "chargerConnected": _document,
    "statusChanged": _status_change,
    "newLog": _reading,
    "chargerDisconnected": _dropped,
    "error": _service_error,
}

EVENT_LABELS: Final = (*_DECODERS, OTHER_EVENT)


def _object(payload: object) -> dict[str, object]:
    if isinstance(payload, str | bytes):
        try:
            payload = msgspec.json.decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise DecodeError("the payload is text that is no JSON") from error
    if not isinstance(payload, dict):
        raise DecodeError("the payload is no object")
    return payload


class _Fields:
    """Reads fields one by one; what is there and cannot be understood is remembered in `bad`."""

    __slots__ = ("_values", "bad")

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self.bad: list[str] = []

    def measure(self, name: str) -> float | None:
        """A quantity that is never negative."""
        value = self._values.get(name)
        if value is None:
            return None
        number = _number(value)
        if 0.0 <= number < math.inf:
            return number + 0.0  # "-0.00" is written too; adding 0.0 takes the sign off
        self.bad.append(name)
        return None

    def energy(self, name: str) -> float | None:
        """Joules; what is no number is NaN and not `bad`: the meter counts it as invalid."""
        value = self._values.get(name)
        return None if value is None else _number(value) * JOULES_PER_KWH

    def previous_energy(self, name: str) -> float | None:
        """Whole joules, so that two decimals of a kWh look like it."""
        kwh = self.measure(name)
        joules = math.inf if kwh is None else kwh * JOULES_PER_KWH
        return float(round(joules)) if joules < math.inf else None

    def instant(self, name: str) -> float | None:
        """RFC 3339 as unix seconds; without an offset it is UTC."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            except (ValueError, OverflowError):
                pass
        self.bad.append(name)
        return None

    def status(self, name: str) -> Status | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str) and (status := _STATUS.get(value.upper())):
            return status
        self.bad.append(name)
        return None

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.bad.append(name)
        return None

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            # JSON can carry half a surrogate pair, which no exposition can: it becomes "?".
            return value[:MAX_TEXT_LENGTH].encode("utf-8", "replace").decode("utf-8")
        self.bad.append(name)
        return None

    def identity(self, name: str) -> str | None:
        """An id, whole: it is compared, and never shown."""
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        self.bad.append(name)
        return None

    def fingerprint(self, name: str) -> int | None:
        value = self._values.get(name)
        return hash(value) if isinstance(value, str) and value else None

    def position(self, name: str) -> tuple[float | None, float | None]:
        """Longitude and latitude: GeoJSON has the longitude first."""
        value = self._values.get(name)
        if value is None:
            return None, None
        coordinates = value.get("coordinates") if isinstance(value, dict) else None
        if isinstance(coordinates, list) and len(coordinates) >= 2:
            longitude, latitude = _number(coordinates[0]), _number(coordinates[1])
            if abs(longitude) <= 180 and abs(latitude) <= 90:
                return longitude + 0.0, latitude + 0.0  # takes the sign off -0.0
        self.bad.append(name)
        return None, None


_STATUS: Final = {"ON": ON, "OFF": OFF}


def _is_on(status: Status | None) -> bool | None:
    return None if status is None else status is ON


def _number(value: object) -> float:
    """The number in a JSON value, which may be text ("230.00"); NaN if there is none."""
    if isinstance(value, float):
        return value
    if isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    return math.nan
