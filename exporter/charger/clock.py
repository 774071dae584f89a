"""The wall clock and the monotonic clock at one instant, and times as text."""

import time
from datetime import UTC, datetime
from typing import NamedTuple


class Moment(NamedTuple):
    """An instant in seconds: `unix` is shown and compared with the service, `monotonic` is for ages.

    Ages use the monotonic clock alone, so that setting the machine's clock does not change the age of a reading.
    """

    unix: float
    monotonic: float


def now() -> Moment:
    """Return the current time."""
    return Moment(time.time(), time.monotonic())


def rfc3339(unix: float, precision: str) -> str:
    """Return a time as RFC 3339, UTC, to `seconds` or `milliseconds`."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def rfc3339_if_known(unix: float | None, precision: str) -> str | None:
    """Return a time as RFC 3339, or None if it is not known."""
    return None if unix is None else rfc3339(unix, precision)
