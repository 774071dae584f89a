"""Decoder of the veCharge service: event payloads to typed events in SI units.

Field names of the service are only here and in redaction.py. A payload is JSON text or an object that is already
decoded. Source of names and formats: the vendor's README for partners of January 2022 (tests/fixtures), and public
clients of the same service.

Personal data does not leave this file: phone numbers in texts are masked, and a user id becomes a fingerprint. Each
process has another salt for it, so it can only be compared within the process.
"""

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec

from exporter.charger.energy import JOULES_PER_KWH, valid_energy
from exporter.charger.events import (
    ChargerDocument,
    ChargerDropped,
    Reading,
    ServiceError,
    ServiceEvent,
    StatusChange,
    Undecodable,
    UnknownEvent,
)
from exporter.charger.wire_values import (
    fingerprint,
    flag,
    instant,
    is_on,
    label_text,
    number,
    position,
    status,
    zero,
)
from exporter.errors import DecodeError

# Volts, amperes, watts, kWh: never negative, and finite.
_Quantity = Annotated[float, msgspec.Meta(ge=0, le=sys.float_info.max)]
# Some senders encode twice: JSON text inside JSON text.
MOST_LAYERS_OF_TEXT: Final = 3
Fields = TypeVar("Fields", bound=msgspec.Struct)


def _field(name: str) -> Any:
    """A field of a payload that may be missing, by the service's name for it."""
    return msgspec.field(default=None, name=name)


def decode(name: object, arguments: tuple[object, ...]) -> ServiceEvent:
    """Return the event. Never raises: a payload that cannot be decoded is Undecodable, with the reason.

    An invalid field is absent from the event and named in `invalid_fields`; the other fields are used.
    """
    decoder = _DECODERS.get(name) if isinstance(name, str) else None
    if decoder is None:
        return UnknownEvent()
    try:
        return decoder(arguments[0] if arguments else None)
    except DecodeError as error:
        return Undecodable(str(name), str(error))


class _Log(msgspec.Struct, frozen=True, gc=False):
    """The fields of a log. Every one may be missing."""

    charger_id: str | None = _field("chargerId")
    voltage: _Quantity | None = None
    current: _Quantity | None = None
    power: _Quantity | None = None
    energy: object = None
    created: object = _field("createdAt")
    device_id: str | None = _field("deviceId")
    user_id: object = _field("userId")


class _Document(msgspec.Struct, frozen=True):
    """The fields of a document. Every one may be missing."""

    charger_id: str | None = _field("_id")
    status: object = None
    energy: object = None
    previous_energy: _Quantity | None = _field("prev_energy")
    wifi_connected: object = _field("wifiConnectivity")
    active: object = _field("isActive")
    connected: object = _field("connectedTimestamp")
    generator_desired: object = _field("desiredDgStatus")
    generator_reported: object = _field("reportedDgStatus")
    location: object = None
    mode: str | None = _field("chargerMode")
    operator: str | None = None
    partner_id: str | None = _field("partnerId")
    address: str | None = None
    detail: str | None = None
    current_user: object = _field("currentUser")


def _reading(payload: object) -> Reading:
    log, invalid = _read(payload, _Log)
    if log.voltage is None and log.current is None and log.power is None and log.energy is None:
        names = f" (invalid: {', '.join(invalid)})" if invalid else ""
        raise DecodeError(f"a log with no voltage, current, power or energy{names}")
    return Reading(
        charger_id=log.charger_id,
        voltage_volts=log.voltage or zero(log.voltage),
        current_amperes=log.current or zero(log.current),
        power_watts=log.power or zero(log.power),
        session_energy_joules=None if log.energy is None else number(log.energy) * JOULES_PER_KWH,
        created_unix=instant("createdAt", log.created, invalid),
        device_id=label_text(log.device_id),
        user=fingerprint(log.user_id),
        invalid_fields=tuple(invalid),
    )


def _document(payload: object) -> ChargerDocument:
    outer = json_object(payload)
    inner = outer.get("_doc")
    # The vendor puts the fields under `_doc` (a Mongoose document); some clients see them at the top level.
    if isinstance(inner, dict):
        outer = outer | {name: value for name, value in inner.items() if value is not None}
    document, invalid = _read(outer, _Document)
    longitude, latitude = position("location", document.location, invalid)
    return ChargerDocument(
        charger_id=document.charger_id,
        status=status("status", document.status, invalid),
        session_energy_joules=None if document.energy is None else number(document.energy) * JOULES_PER_KWH,
        previous_energy_joules=valid_energy(number(document.previous_energy) * JOULES_PER_KWH),
        wifi_connected=flag("wifiConnectivity", document.wifi_connected, invalid),
        active=flag("isActive", document.active, invalid),
        connected_unix=instant("connectedTimestamp", document.connected, invalid),
        generator_desired=is_on(status("desiredDgStatus", document.generator_desired, invalid)),
        generator_reported=is_on(status("reportedDgStatus", document.generator_reported, invalid)),
        latitude_degrees=latitude,
        longitude_degrees=longitude,
        mode=label_text(document.mode),
        operator=label_text(document.operator),
        partner_id=label_text(document.partner_id),
        address=label_text(document.address),
        detail=label_text(document.detail),
        user=fingerprint(document.current_user),
        invalid_fields=tuple(invalid),
    )


def _status_change(payload: object) -> StatusChange:
    changed = status("status", json_object(payload).get("status"), [])
    if changed is None:
        raise DecodeError("its status is not ON or OFF")
    return StatusChange(changed)


def _service_error(payload: object) -> ServiceError:
    # Socket.IO 5 puts the text of an error into an object.
    text = payload.get("message") if isinstance(payload, dict) else payload
    return ServiceError(occupied=isinstance(text, str) and "already connected" in text.lower())


_DECODERS: Final[dict[str, Callable[[object], ServiceEvent]]] = {
    ChargerDocument.label: _document,
    StatusChange.label: _status_change,
    Reading.label: _reading,
    ChargerDropped.label: lambda _payload: ChargerDropped(),
    ServiceError.label: _service_error,
}


def json_object(payload: object) -> dict[str, object]:
    """Return the object that a payload holds, which may be JSON text. Raise DecodeError if it holds none."""
    for _ in range(MOST_LAYERS_OF_TEXT):
        if not isinstance(payload, str | bytes):
            break
        payload = _json(payload)
    if not isinstance(payload, dict):
        raise DecodeError("the payload is not an object")
    return payload


def _json(text: str | bytes) -> object:
    """Return the value of JSON text. Numbers out of range, NaN and half a surrogate pair invalidate one field."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        whole = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(whole.lstrip("\ufeff").rstrip("\0"))
    except (ValueError, RecursionError) as error:
        raise DecodeError("the payload is text that is not JSON") from error


def _read(payload: object, kind: type[Fields]) -> tuple[Fields, list[str]]:
    """Return the valid fields of a payload and the names of the invalid ones; raise DecodeError."""
    try:
        # Not strict: a number may be text ("230.00").
        if isinstance(payload, str | bytes):
            return msgspec.json.decode(payload, type=kind, strict=False), []
        return msgspec.convert(payload, kind, strict=False), []
    except (msgspec.MsgspecError, ValueError, RecursionError):
        values = json_object(payload)
    names = [name for name in kind.__struct_encode_fields__ if name in values]
    invalid: list[str] = []
    for name in names:
        try:
            msgspec.convert({name: values[name]}, kind, strict=False)
        except ValueError:  # of msgspec, or half a surrogate pair
            invalid.append(name)
    valid = {name: values[name] for name in names if name not in invalid}
    return msgspec.convert(valid, kind, strict=False), invalid
