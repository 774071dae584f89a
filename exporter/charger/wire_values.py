"""Single values in payloads of the service, read as SI units and label values.

A function that gets `name` adds it to `invalid` if the value is invalid, and then returns None, as for a missing value.
"""

import math
import re
from datetime import UTC, datetime
from typing import Final

from exporter.charger.events import OFF, ON, Status

# Unix epochs below the first are seconds, below the second milliseconds, below the third microseconds.
_EPOCH_UNITS: Final = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6))
_NUMERIC: Final = (str, float, int)
_STATUS: Final = {"ON": ON, "OFF": OFF}

# Longer label values are cut: a server must not be able to fill the memory of Prometheus.
MAX_TEXT_LENGTH: Final = 256

# International numbers (+91 98765 43210, 0091...) and Indian ones: a mobile number of ten digits that begins with 6 to
# 9, with or without 0 or 91 before it, or a landline with its area code (011-23456789). A pin code has six digits.
_PHONE_NUMBER: Final = re.compile(
    r"""
    (?=[+(\d])(?:  # quick: most texts have none of these
        (?:\+|(?<![^\W_])00)\d(?:[ ().-]{0,2}\d){7,14}(?!\d)
        | (?<![^\W_])(?:0|91[ -]?)?[6-9](?:[ -]?\d){9}(?![^\W_])
        | (?<![^\W_])\(?0(?:[ ()-]{0,2}\d){10}(?![^\W_])
    )
    """,
    re.VERBOSE,
)
PHONE_NUMBER: Final = "<phone number>"


def zero(value: float | None) -> float | None:
    """Return 0 without a sign: chargers also send "-0.00"."""
    return None if value is None else 0.0


def instant(name: str, value: object, invalid: list[str]) -> float | None:
    """Return a time as unix seconds. It is RFC 3339, in UTC if it has no offset, or a unix epoch.

    The beginning of 1970, or earlier, is no time: a clock shows it that was never set, and stands still.
    """
    if value is None:
        return None
    # A date alone is not a time, and digits alone are a number.
    unix = _rfc3339(value) if isinstance(value, str) and ":" in value else _epoch(value)
    if unix is None:
        invalid.append(name)
        return None
    return unix if unix > 0 else None


def _rfc3339(text: str) -> float | None:
    try:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = datetime.fromisoformat(text.upper())  # "t" and "z" are allowed
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _epoch(value: object) -> float | None:
    """Return a unix epoch in seconds, milliseconds or microseconds, a number or digits, as seconds."""
    if isinstance(value, str) and not value.replace(".", "").isdigit():
        return None
    epoch = number(value)
    for limit, unit in _EPOCH_UNITS:
        if 0 <= epoch < limit:
            return epoch / unit
    return None


def status(name: str, value: object, invalid: list[str]) -> Status | None:
    """Return ON or OFF, written in any case."""
    if value is None:
        return None
    if isinstance(value, str) and (known := _STATUS.get(value.upper())):
        return known
    invalid.append(name)
    return None


def flag(name: str, value: object, invalid: list[str]) -> bool | None:
    """Return true or false."""
    if value is None or isinstance(value, bool):
        return value
    invalid.append(name)
    return None


def fingerprint(value: object) -> int | None:
    """Return a hash of a user id, which differs from process to process."""
    return hash(value) if isinstance(value, str) and value else None


def position(name: str, value: object, invalid: list[str]) -> tuple[float | None, float | None]:
    """Return longitude and latitude, in the order of GeoJSON."""
    if value is None:
        return None, None
    coordinates = value.get("coordinates") if isinstance(value, dict) else None
    if isinstance(coordinates, list) and len(coordinates) >= 2:
        longitude, latitude = number(coordinates[0]), number(coordinates[1])
        if abs(longitude) <= 180 and abs(latitude) <= 90:
            return longitude + 0.0, latitude + 0.0  # -0.0 becomes 0.0
    invalid.append(name)
    return None, None


def is_on(switch: Status | None) -> bool | None:
    """Return whether a switch is on."""
    return None if switch is None else switch is ON


def number(value: object) -> float:
    """Return the number in a JSON value, which may be text ("230.00"), or NaN."""
    if value.__class__ is float:  # nearly always
        return value
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        return math.nan  # Python would read "2_30"
    if value.__class__ in _NUMERIC:  # not bool, which is an int as well
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    return math.nan


def label_text(value: str | None) -> str | None:
    """Return the text as a label value; None is not known."""
    if value is None:
        return None
    # Mask, then cut: half a phone number would not match.
    text = _PHONE_NUMBER.sub(PHONE_NUMBER, value[: 2 * MAX_TEXT_LENGTH])[:MAX_TEXT_LENGTH]
    # JSON can have half a surrogate pair, which is not valid UTF-8: it becomes "?".
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
