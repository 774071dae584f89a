"""The service's payloads in the vendor's exact form (tests/fixtures), with the internals of mongoose."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from exporter.simulator.electricity import Sample
from exporter.simulator.sites import Site

# A fictional number, from the vendor's example.
PRIVATE_USERS = ("+911234567890",)
LOADED_PATHS = (
    "_id",
    "location.type",
    "location.coordinates",
    "status",
    "power",
    "voltage",
    "current",
    "energy",
    "prev_energy",
    "currentUser",
    "isActive",
    "partnerId",
    "detail",
    "operator",
    "address",
    "v",
    "wifiConnectivity",
    "connectedTimestamp",
    "desiredDgStatus",
    "reportedDgStatus",
    "chargerMode",
    "chargerPrivateUsers",
)
WITHHELD_PATHS = ("regularPrice", "privateKey", "certificate")


@dataclass(frozen=True, slots=True)
class Log:
    """One log of a charger: its meter at `unix` (seconds), energy in hundredths of a kWh."""

    unix: float
    sample: Sample
    hundredths: int
    user_id: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What a charger's document has besides its site."""

    status: str
    sample: Sample
    hundredths: int
    previous_hundredths: int
    user_id: str
    wifi: bool
    connected_unix: float


def timestamp(unix: float) -> str:
    """Return a time in RFC 3339, UTC, with milliseconds."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(value: float) -> float:
    """Return a value as JavaScript writes it: at most two decimals, and 230 instead of 230.0."""
    rounded = round(value, 2)
    return int(rounded) if rounded.is_integer() else rounded


def kwh(hundredths: int) -> float:
    """Return hundredths of a kWh as kWh."""
    return number(hundredths / 100)


def new_log(site: Site, log: Log) -> dict[str, Any]:
    """Return the payload of `newLog`: readings as text, energy as a number."""
    return {
        "deviceId": site.device_id,
        "voltage": f"{log.sample.volts:.2f}",
        "current": f"{log.sample.amperes:.2f}",
        "power": f"{log.sample.watts:.2f}",
        "energy": kwh(log.hundredths),
        "createdAt": timestamp(log.unix),
        "userId": log.user_id,
        "chargerId": site.charger_id,
    }


def status_changed(status: str) -> dict[str, Any]:
    """Return the payload of `statusChanged`."""
    return {"status": status}


def charger_connected(site: Site, condition: Condition) -> dict[str, Any]:
    """Return the payload of `chargerConnected`: the charger's document as mongoose writes it."""
    energy = kwh(condition.hundredths)
    return {
        "$_": _mongoose(site.charger_id),
        "isNew": False,
        "$locals": {},
        "$op": None,
        "_doc": {
            # GeoJSON: longitude first.
            "location": {"type": "Point", "coordinates": [site.longitude, site.latitude]},
            "status": condition.status,
            "power": number(condition.sample.watts),
            "voltage": number(condition.sample.volts),
            "current": number(condition.sample.amperes),
            "energy": energy,
            "prev_energy": kwh(condition.previous_hundredths),
            "currentUser": condition.user_id,
            "isActive": True,
            "partnerId": site.partner_id,
            "desiredDgStatus": "OFF",
            "reportedDgStatus": "OFF",
            "chargerMode": site.mode,
            "chargerPrivateUsers": list(PRIVATE_USERS),
            "_id": site.charger_id,
            "detail": site.detail,
            "operator": site.operator,
            "address": site.address,
            "_v": 0,
            "wifiConnectivity": condition.wifi,
            "connectedTimestamp": timestamp(condition.connected_unix),
        },
        "$init": True,
        "energy": energy,
    }


def _mongoose(charger_id: str) -> dict[str, Any]:
    withheld = dict.fromkeys(WITHHELD_PATHS, "require")
    return {
        "strictMode": True,
        "selected": {"certificate": 0, "privateKey": 0, "regularPrice": 0, "specialPrice": 0, "specialUsers": 0},
        "getters": {},
        "_id": charger_id,
        "wasPopulated": False,
        "activePaths": {
            "paths": withheld | dict.fromkeys(LOADED_PATHS, "init"),
            "states": {
                "ignore": {},
                "default": {},
                "init": dict.fromkeys(LOADED_PATHS, True),
                "modify": {},
                "require": dict.fromkeys(WITHHELD_PATHS, True),
            },
            "stateNames": ["require", "modify", "init", "default", "ignore"],
        },
        "pathsToScopes": {},
        "cachedRequired": {},
        "session": None,
        "$setCalled": {},
        "emitter": {"_events": {}, "_eventsCount": 0, "_maxListeners": 0},
        "$options": {"skipId": True, "isNew": False, "willInit": True, "defaults": True},
    }
