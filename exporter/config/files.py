"""Reading files that others write: never one that could make the reader wait, and words for what went wrong."""

import errno
import os
import stat
from pathlib import Path

from exporter.errors import cause_of


class NotRegularError(OSError):
    """A pipe, a device or a socket: reading it could wait for ever, and no second reading would find the same."""


def read(file: Path, limit_bytes: int = -1) -> bytes:
    """The content, or what the limit leaves of it; raises OSError, or ValueError for a path with a zero byte."""
    # Whoever opens a named pipe waits for its writer, unless told not to.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise NotRegularError
        # Of a folder this says that it is one.
        with open(descriptor, "rb", closefd=False) as opened:
            return opened.read(limit_bytes)
    finally:
        os.close(descriptor)


def unreadable(error: OSError | ValueError) -> str:
    """What to say of a file that cannot be read, after its name: why, and what to do."""
    match error:
        case NotRegularError():
            return "is a pipe, a device or a socket: put a regular file there"
        case IsADirectoryError():
            remedy = "name a file"
        case PermissionError():
            remedy = "let the exporter's user read it, and its folders"
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            remedy = "raise the limit of open files (ulimit -n, LimitNOFILE=)"
        case OSError(errno=errno.EIO | errno.ESTALE | errno.ENODEV | errno.ENXIO | errno.ENOTCONN):
            remedy = "look at the volume that it lies on"
        case _:
            remedy = "put it there, for the exporter to read"
    return f"cannot be read ({cause_of(error)}): {remedy}"
