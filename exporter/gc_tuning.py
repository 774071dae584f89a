"""Tuning of Python's garbage collector: collect rarely, and exclude long-lived objects.

A collection blocks the event loop. With the defaults, connecting a fleet spends more time on them than on handshakes.
"""

import gc
from typing import Final

# New objects per collection of the youngest generation; such collections per one of the middle generation; and of
# those per full one. A connection has some 110 objects and frees them itself when it ends (stream/closing.py).
THRESHOLDS: Final = (5_000, 10, 10)


def collect_rarely() -> None:
    """Collect less often than by default: fully after some 600,000 new objects."""
    gc.set_threshold(*THRESHOLDS)


def keep_present_objects() -> None:
    """Exclude all present objects from later collections: they live as long as the process."""
    # First: the modules leave no garbage, and to search them takes 0.03 s of CPU at every start.
    gc.freeze()
    # Begins to count anew how many collections there were since the last full one.
    gc.collect()
