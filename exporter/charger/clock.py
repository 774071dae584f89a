"""One instant, told by both clocks."""

import time
from typing import NamedTuple


class Moment(NamedTuple):
    """An instant: `unix` for what is shown or compared with the service, `monotonic` for ages.

    Both in seconds. Ages come from the monotonic clock alone, so that setting the machine's clock makes no
    reading look older or younger than it is.
    """

    unix: float
    monotonic: float


def now() -> Moment:
    """The present."""
    return Moment(time.time(), time.monotonic())
