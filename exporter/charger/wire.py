"""The wire of the veCharge service: event payloads to typed values in SI units.

The only file that knows the service's field names. A payload is JSON text or an object already decoded;
both happen. Names and shapes: the vendor's README for partners of January 2022 (tests/fixtures), and public
clients of the same service.

Personal data stops here: phone numbers inside texts are masked, and of a user id only a fingerprint leaves this
file. The fingerprint is salted anew in every process, so that it can be compared and nothing else.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from exporter.charger.events import (
    OFF,
    ON,
    ChargerDocument,
    ChargerDropped,
    Reading,
    ServiceError,
    ServiceEvent,
    Status,
    StatusChange,
    Undecodable,
    UnknownEvent,
)
from exporter.errors import DecodeError

JOULES_PER_KWH: Final = 3_600_000

# A label value longer than this is cut: a server must not be able to fill the memory of Prometheus.
MAX_TEXT_LENGTH: Final = 256

# International (+91 98765 43210, 0091...), and Indian ones as people write them: a mobile of ten digits from 6 to 9 on,
# with or without 0 or 91 before it, or a landline with its area code (011-23456789). A pin code has six digits.
_PHONE_NUMBER: Final = re.compile(
    r"""
    (?=[+(\d])(?:  # most texts have none of these, and are passed over quickly
        (?:\+|(?<![^\W_])00)\d(?:[ ().-]{0,2}\d){7,14}(?!\d)
        | (?<![^\W_])(?:0|91[ -]?)?[6-9](?:[ -]?\d){9}(?![^\W_])
        | (?<![^\W_])\(?0(?:[ ()-]{0,2}\d){10}(?![^\W_])
    )
    """,
    re.VERBOSE,
)
PHONE_NUMBER: Final = "<phone number>"


def decode(name: object, arguments: tuple[object, ...]) -> ServiceEvent:
    """What the event `name` says. Never raises: what cannot be understood is Undecodable, with the reason.

    A single invalid field costs only itself: it is absent from the value and named in `invalid_fields`.
    """
    decoder = _DECODERS.get(name) if isinstance(name, str) else None
    if decoder is None:
        return UnknownEvent()
    try:
        return decoder(arguments[0] if arguments else None)
    except DecodeError as error:
        return Undecodable(str(name), str(error))


def _reading(payload: object) -> Reading:
    fields = _Fields(json_object(payload))
    volts, amperes, watts = fields.measure("voltage"), fields.measure("current"), fields.measure("power")
    joules = fields.energy("energy")
    if volts is None and amperes is None and watts is None and joules is None:
        invalid = f" (invalid: {', '.join(fields.invalid)})" if fields.invalid else ""
        raise DecodeError(f"a log with no voltage, current, power or energy{invalid}")
    return Reading(
        charger_id=fields.identity("chargerId"),
        voltage_volts=volts,
        current_amperes=amperes,
        power_watts=watts,
        session_energy_joules=joules,
        created_unix=fields.instant("createdAt"),
        device_id=fields.text("deviceId"),
        user=fields.fingerprint("userId"),
        invalid_fields=tuple(fields.invalid),
    )


def _document(payload: object) -> ChargerDocument:
    outer = json_object(payload)
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
        invalid_fields=tuple(fields.invalid),
    )


def _status_change(payload: object) -> StatusChange:
    status = _Fields(json_object(payload)).status("status")
    if status is None:
        raise DecodeError("its status is not ON or OFF")
    return StatusChange(status)


def _dropped(_payload: object) -> ChargerDropped:
    return ChargerDropped()


def _service_error(payload: object) -> ServiceError:
    # Socket.IO 5 puts the text of an error into an object.
    text = payload.get("message") if isinstance(payload, dict) else payload
    return ServiceError(occupied=isinstance(text, str) and "already connected" in text.lower())


_DECODERS: Final[dict[str, Callable[[object], ServiceEvent]]] = {
    ChargerDocument.label: _document,
    StatusChange.label: _status_change,
    Reading.label: _reading,
    ChargerDropped.label: _dropped,
    ServiceError.label: _service_error,
}


def json_object(payload: object) -> dict[str, object]:
    """Return the object that a payload holds, which may be JSON text. Raise DecodeError if it holds none."""
    if isinstance(payload, str | bytes):
        try:
            payload = msgspec.json.decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise DecodeError("the payload is text that is not JSON") from error
    if not isinstance(payload, dict):
        raise DecodeError("the payload is not an object")
    return payload


class _Fields:
    """Reads fields one by one; what is there and cannot be understood is remembered in `invalid`."""

    __slots__ = ("_values", "invalid")

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self.invalid: list[str] = []

    def measure(self, name: str) -> float | None:
        """A quantity that is never negative."""
        value = self._values.get(name)
        if value is None:
            return None
        number = _number(value)
        if 0.0 <= number < math.inf:
            return number + 0.0  # "-0.00" is written too; adding 0.0 takes the sign off
        self.invalid.append(name)
        return None

    def energy(self, name: str) -> float | None:
        """Joules; what is no number is NaN and not `invalid`: the meter counts it as invalid."""
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
        self.invalid.append(name)
        return None

    def status(self, name: str) -> Status | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str) and (status := _STATUS.get(value.upper())):
            return status
        self.invalid.append(name)
        return None

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.invalid.append(name)
        return None

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            # Masked before it is cut: half a phone number would not be found.
            text = _PHONE_NUMBER.sub(PHONE_NUMBER, value[: 2 * MAX_TEXT_LENGTH])[:MAX_TEXT_LENGTH]
            # JSON can carry half a surrogate pair, which no exposition can: it becomes "?".
            return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
        self.invalid.append(name)
        return None

    def identity(self, name: str) -> str | None:
        """An id, whole: it is compared, and never shown."""
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        self.invalid.append(name)
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
        self.invalid.append(name)
        return None, None


_NUMERIC: Final = (str, float, int)
_STATUS: Final = {"ON": ON, "OFF": OFF}


def _is_on(status: Status | None) -> bool | None:
    return None if status is None else status is ON


def _number(value: object) -> float:
    """The number in a JSON value, which may be text ("230.00"); NaN if there is none."""
    if value.__class__ in _NUMERIC:  # not bool, which is an int as well
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    return math.nan
