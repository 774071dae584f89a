"""When Python looks for garbage: seldom, and not among what stays.

A collection holds the event loop. By default all of them, in a fleet that connects, took more time than the handshakes.
"""

import gc
from typing import Final

# New objects between two looks at the newest; such looks between two at the middle-aged; such between two full ones.
# A connection has some 110, and frees them itself as it ends (connection.py): few are left to be found.
THRESHOLDS: Final = (5_000, 10, 10)


def collect_seldom() -> None:
    """From now on garbage is looked for more rarely than by default: fully, after some 600,000 new objects."""
    gc.set_threshold(*THRESHOLDS)


def keep_what_there_is() -> None:
    """Takes everything there is now out of all collections to come: for what stays as long as the process."""
    gc.collect()
    gc.freeze()
