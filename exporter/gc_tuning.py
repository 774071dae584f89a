"""Tuning of Python's garbage collector: collect rarely, and exclude long-lived objects.

A collection blocks the event loop. With the defaults, connecting a fleet spends more time on them than on handshakes.
"""

import gc
from typing import Final

# The youngest generation is collected after this many new objects, the middle one after this many collections of the
# youngest, and all after this many collections of the middle one. A connection has some 110 objects and frees them
# itself when it ends (stream/closing.py).
THRESHOLDS: Final = (5_000, 10, 10)


def collect_rarely() -> None:
    """Collect less often than by default: fully after some 600,000 new objects."""
    gc.set_threshold(*THRESHOLDS)


def keep_present_objects() -> None:
    """Exclude all present objects from later collections: they live as long as the process."""
    # Before the collection: modules hold no garbage, and searching them takes 0.03 s of CPU at every start.
    gc.freeze()
    # Resets the counts of the collections since the last full one.
    gc.collect()
