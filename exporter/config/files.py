"""Files that others write: find them, read them, detect changes, and explain why one cannot be read."""

import errno
import glob
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from exporter.errors import cause_of


class NotRegularError(OSError):
    """A pipe, a device or a socket: reading it could block forever."""


# Inode, size, time of writing and time of change of a file, so that it need not be read to see that it has changed.
# Replacing a file changes the inode, writing to it the time or size, repaired permissions the time of change.
FileMark = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class FilePattern:
    """A glob pattern, relative to a folder."""

    folder: Path
    pattern: str

    def __str__(self) -> str:
        return str(self.folder / self.pattern)

    def files(self) -> list[Path]:
        """Return the files that match, in order of name.

        Raises OSError if the folder before the first wildcard cannot be listed: `glob` treats it as empty.
        """
        fixed = takewhile(lambda part: not glob.has_magic(part), Path(self.pattern).parts)
        with suppress(FileNotFoundError, NotADirectoryError):
            os.scandir(self.folder.joinpath(*fixed)).close()
        names = glob.glob(self.pattern, root_dir=self.folder, recursive=True)  # noqa: PTH207 - Path's takes no absolute pattern
        # A file that this user may not access stays in the list: the attempt to read it gives the reason.
        return sorted(path for path in {self.folder / name for name in names} if not os.path.isdir(path))  # noqa: PTH112


def mark_of(file: Path) -> FileMark | None:
    """Return the current mark of a file; None if there is no such file."""
    try:
        status = file.stat()
    except (OSError, ValueError):  # a path with a zero byte is a ValueError
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read(file: Path) -> bytes:
    """Return the content; raise OSError, or ValueError for a path with a zero byte."""
    mode = file.stat().st_mode
    # Opening a named pipe would wait for its writer. Opening a folder raises IsADirectoryError.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise NotRegularError
    return file.read_bytes()


def unreadable(error: OSError | ValueError) -> str:
    """Return why a file cannot be read and what to do, to follow the name of the file."""
    match error:
        case NotRegularError():
            return "is a pipe, a device or a socket: put a regular file there"
        case IsADirectoryError():
            remedy = "name a file"
        case PermissionError():
            remedy = "give the exporter's user read access to it and its folders"
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            remedy = "raise the limit of open files (ulimit -n, LimitNOFILE=)"
        case OSError(errno=errno.EIO | errno.ESTALE | errno.ENODEV | errno.ENXIO | errno.ENOTCONN):
            remedy = "check the volume that it is on"
        case _:
            remedy = "create it, or correct the path"
    return f"cannot be read ({cause_of(error)}): {remedy}"
