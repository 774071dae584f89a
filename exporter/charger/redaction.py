"""Removes personal data from events that are recorded: only fields that affect energy and status stay.

This is an allow-list: a field that is not named here is omitted. A value of an unexpected format is replaced by a
value that decodes in the same way: an invalid number stays invalid.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from exporter.charger.events import EVENT_LABELS, ServiceError, UnknownEvent
from exporter.charger.wire import decode, json_object
from exporter.errors import DecodeError

# Invalid as a number, time, status or flag.
INVALID: Final = "?"
NOT_AN_OBJECT: Final = "not an object"
ANOTHER_CHARGER: Final = "another-charger"
OCCUPIED: Final = "already connected"
OTHER_ERROR: Final = "another error"

# "230.00", "1e3", " 7 ", "NaN"; not text that begins with "+", as phone numbers do.
_NUMBER: Final = re.compile(r"\s*-?(?:\d{0,40}\.?\d{0,40}(?:[eE][+-]?\d{1,4})?|nan|inf|infinity)\s*", re.IGNORECASE)
# RFC 3339 and what resembles it, or an epoch.
_TIME: Final = re.compile(r"\d[\dTtZz:.+\- ]{0,39}")
_MODE: Final = re.compile(r"[A-Z_]{1,20}")


class Redactor:
    """Redacts the events of one charger. Users and hardware get pseudonyms, numbered as they appear."""

    def __init__(self, charger_id: str) -> None:
        self._charger_id = charger_id
        # By fingerprints, as in wire.py: the ids themselves are not kept.
        self._users: dict[int, int] = {}
        self._devices: dict[int, int] = {}
        self._log_fields: Final[Mapping[str, Callable[[object], object]]] = {
            "voltage": _number,
            "current": _number,
            "power": _number,
            "energy": _number,
            "createdAt": _time,
            "deviceId": lambda value: _pseudonym("device", self._devices, value),
            "userId": self._user,
            "chargerId": self._identity,
        }
        document_fields: Final[Mapping[str, Callable[[object], object]]] = {
            "_id": self._identity,
            "status": _status,
            "voltage": _number,
            "current": _number,
            "power": _number,
            "energy": _number,
            "prev_energy": _number,
            "isActive": _flag,
            "wifiConnectivity": _flag,
            "connectedTimestamp": _time,
            "desiredDgStatus": _status,
            "reportedDgStatus": _status,
            "chargerMode": _mode,
            "currentUser": self._user,
        }
        self._document_fields = {
            **document_fields,
            "_doc": lambda inner: _allowed(inner, document_fields) if isinstance(inner, dict) else None,
        }

    def redact(self, name: object, arguments: tuple[object, ...]) -> tuple[str, object]:
        """Return the event's name and its payload as they may be recorded; a payload of None is left out."""
        if not isinstance(name, str) or name not in EVENT_LABELS:
            return UnknownEvent.label, None
        payload = arguments[0] if arguments else None
        match name:
            case "newLog":
                return name, _object(payload, self._log_fields)
            case "chargerConnected":
                return name, _object(payload, self._document_fields)
            case "statusChanged":
                return name, _object(payload, {"status": _status})
            case "error":
                error = decode(name, arguments)
                is_occupied = isinstance(error, ServiceError) and error.occupied
                return name, OCCUPIED if is_occupied else OTHER_ERROR
        return name, None

    def _user(self, value: object) -> object:
        # A value that is not text is treated as absent.
        return _pseudonym("user", self._users, value) if isinstance(value, str) and value else None

    def _identity(self, value: object) -> object:
        if not isinstance(value, str):
            return 0
        return value if value == self._charger_id else ANOTHER_CHARGER


def _object(payload: object, allowed: Mapping[str, Callable[[object], object]]) -> object:
    """Redact a payload; it stays an object or text."""
    if payload is None:
        return None
    try:
        values = _allowed(json_object(payload), allowed)
    except DecodeError:
        return NOT_AN_OBJECT
    return msgspec.json.encode(values).decode() if isinstance(payload, str | bytes) else values


def _allowed(values: Mapping[str, object], allowed: Mapping[str, Callable[[object], object]]) -> dict[str, object]:
    return {
        name: safe
        for name, redact in allowed.items()
        if (value := values.get(name)) is not None and (safe := redact(value)) is not None
    }


def _number(value: object) -> object:
    if isinstance(value, float):
        # JSON has no infinite numbers, but they are read from text.
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        if abs(value) < 2**63:
            return value
        # Larger integers are read as floats. Those that are too large for a float are invalid.
        return float(value) if abs(value) < 10**308 else INVALID
    return value if isinstance(value, str) and _NUMBER.fullmatch(value) else INVALID


def _time(value: object) -> object:
    if isinstance(value, str):
        return value if _TIME.fullmatch(value) else INVALID
    return _number(value)


def _status(value: object) -> object:
    return value if isinstance(value, str) and value.upper() in ("ON", "OFF") else INVALID


def _flag(value: object) -> object:
    return value if isinstance(value, bool) else INVALID


def _mode(value: object) -> object:
    return value if isinstance(value, str) and _MODE.fullmatch(value) else None


def _pseudonym(kind: str, known: dict[int, int], value: object) -> object:
    if not isinstance(value, str):
        return 0
    return f"{kind}-{known.setdefault(hash(value), len(known) + 1)}"
