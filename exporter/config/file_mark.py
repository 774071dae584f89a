"""What tells that a file has changed, without reading it."""

from pathlib import Path
from typing import NamedTuple


class FileMark(NamedTuple):
    """A file that was replaced has another inode, one that was written another time, or size.

    One whose permissions were repaired has another time of change alone.
    """

    inode: int
    size_bytes: int
    written_nanoseconds: int
    changed_nanoseconds: int


def mark_of(file: Path) -> FileMark | None:
    """The mark of a file as it is now; None while there is none that can be looked at."""
    try:
        status = file.stat()
    except (OSError, ValueError):  # a path with a zero byte is a value error
        return None
    return FileMark(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
