"""Settings of the Python interpreter: collect garbage rarely, and let a committing thread go on while the loop renders.

A collection blocks the event loop. With the defaults, connecting a fleet spends more time on them than on handshakes.
"""

import gc
import sys
from typing import Final

# New objects per collection of the youngest generation; such collections per one of the middle generation; and of
# those per full one. A connection has some 110 objects and frees them itself when it ends (stream/closing.py).
THRESHOLDS: Final = (5_000, 10, 10)
# A thread asks for the interpreter's lock after this time, by default 5 ms. The loop renders in slices of 4 ms; after
# each it releases the lock for so short a time that the thread does not get it, and begins to wait anew.
SWITCH_SECONDS: Final = 0.001


def tune_interpreter() -> None:
    """Collect fully after some 600,000 new objects, and give waiting threads the interpreter's lock after 1 ms."""
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_SECONDS)


def keep_present_objects() -> None:
    """Exclude all present objects from later collections: they live as long as the process."""
    # First: the modules leave no garbage, and to search them takes 0.03 s of CPU at every start.
    gc.freeze()
    # Begins to count anew how many collections there were since the last full one.
    gc.collect()
