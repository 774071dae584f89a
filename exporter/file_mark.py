"""What tells that a file has changed, without reading it."""

from pathlib import Path

# Its inode (it was replaced), its size, and when it was written, in nanoseconds.
FileMark = tuple[int, int, int]


def mark_of(file: Path) -> FileMark | None:
    """The mark of a file as it is now; None while there is none that can be looked at."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
