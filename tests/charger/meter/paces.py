"""Pairs of logs, and whether they arrive at the pace at which they were written. A backlog arrives faster."""

from typing import Final

# The seconds between the two logs as written and as received. At least half a second must pass between them, and
# the written time must be half to twice the received time.
PACES: Final = [
    (5.0, 10.0, True),
    (4.9, 10.0, False),
    (20.0, 10.0, True),
    (20.1, 10.0, False),
    (0.5, 0.5, True),
    (0.5, 0.49, False),
    (1.0, 1.0, True),
]
