"""The wall clock and the monotonic clock at one instant."""

import time
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
