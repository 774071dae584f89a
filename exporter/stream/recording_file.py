"""The file of a recording: lines are appended, and it is rotated at a maximum size."""

import itertools
import os
import stat
from pathlib import Path
from typing import Final

from exporter.errors import RecordingError, cause_of

# Rotated files that are kept; FILE.1 is the newest.
OLD_FILES: Final = 4
# Longer than any line that a crash can leave incomplete.
TORN_LINE_BYTES: Final = 1024 * 1024
LINE_BEGIN: Final = b'{"at":"'


class RecordingFile:
    """A file that lines are appended to. Only the exporter's user may read it. Its calls block."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Open the file once, so that the start fails if the name is wrong; raise RecordingError."""
        self._path = path
        self._max_bytes = max_bytes
        try:
            # Before it is opened: a named pipe would wait for a reader.
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):
                raise RecordingError(f"--record.file: {path} is not a regular file; name a file")
            self._cut_torn_line()
        except OSError as error:
            raise RecordingError(
                f"--record.file: cannot open {path} ({cause_of(error)}); "
                "name a file in a folder that the exporter's user may write to"
            ) from error

    def append(self, lines: list[bytes]) -> None:
        """Write these lines or, if that fails, none of them; raise OSError."""
        text = b"".join(lines)
        size = self._path.stat().st_size if self._path.exists() else 0
        if size and size + len(text) > self._max_bytes:
            self._rotate()
        file = self._open()
        try:
            _write(file, text)
        finally:
            os.close(file)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)

    def _rotate(self) -> None:
        """Rename FILE to FILE.1, FILE.1 to FILE.2 and so on; the oldest is deleted."""
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{age}") for age in range(1, OLD_FILES + 1))]
        for younger, older in reversed(list(itertools.pairwise(names))):
            if younger.exists():
                younger.replace(older)

    def _cut_torn_line(self) -> None:
        """Remove an incomplete last line: with the next line appended to it, it would not be a valid event."""
        file = self._open()
        try:
            size = os.fstat(file).st_size
            start = max(0, size - TORN_LINE_BYTES)
            tail = os.pread(file, TORN_LINE_BYTES, start)
            whole = tail.rfind(b"\n") + 1
            if tail[whole:].startswith(LINE_BEGIN):
                os.ftruncate(file, start + whole)
        finally:
            os.close(file)


def _write(file: int, text: bytes) -> None:
    """Write all of it or nothing; raise OSError."""
    size, written = os.fstat(file).st_size, 0
    try:
        while written < len(text):
            written += os.write(file, text[written:])
    except OSError:
        os.ftruncate(file, size)
        raise
