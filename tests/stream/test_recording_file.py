"""The file of a recording has complete lines only, a limited size, and the exporter's user as owner."""

import errno
import os
import re
from pathlib import Path

import pytest

from exporter.errors import RecordingError
from exporter.stream.recording_file import RecordingFile

LINE = b'{"at":"2026-11-28T10:00:00Z","charger":"c1","event":"connect"}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.jsonl"


def test_lines_are_appended_to_an_existing_file(path: Path) -> None:
    RecordingFile(path, 10_000).append([LINE])
    RecordingFile(path, 10_000).append([LINE, LINE])
    assert path.read_bytes() == LINE * 3


def test_only_the_user_of_the_exporter_can_read_the_file(path: Path) -> None:
    RecordingFile(path, 10_000).append([LINE])
    assert path.stat().st_mode & 0o777 == 0o600


def test_files_are_rotated_at_the_size_and_the_last_four_kept(path: Path) -> None:
    file = RecordingFile(path, 2 * len(LINE))
    for _ in range(15):
        file.append([LINE])
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "recording.jsonl",
        *(f"recording.jsonl.{age}" for age in (1, 2, 3, 4)),
    ]
    assert path.read_bytes() == LINE
    assert all(path.with_name(f"{path.name}.{age}").read_bytes() == LINE * 2 for age in (1, 2, 3, 4))


def test_a_failed_write_leaves_no_partial_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RecordingFile(path, 10_000)
    file.append([LINE])
    real_write = os.write

    def write_a_little(handle: int, text: bytes) -> int:
        if len(text) <= 10:
            raise OSError(errno.ENOSPC, "full")
        return real_write(handle, text[:-10])

    monkeypatch.setattr(os, "write", write_a_little)
    with pytest.raises(OSError, match="full"):
        file.append([LINE])
    monkeypatch.undo()
    file.append([LINE])
    assert path.read_bytes() == LINE * 2


def test_a_partial_line_of_a_crash_is_removed(path: Path) -> None:
    path.write_bytes(LINE + LINE[:30])
    RecordingFile(path, 10_000).append([LINE])
    assert path.read_bytes() == LINE * 2


def test_a_file_that_is_not_a_recording_is_not_changed(path: Path) -> None:
    path.write_bytes(b"notes without a line break")
    RecordingFile(path, 10_000)
    assert path.read_bytes() == b"notes without a line break"


def test_a_named_pipe_is_rejected(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(RecordingError, match="is not a regular file"):
        RecordingFile(path, 10_000)


def test_a_missing_folder_is_reported_with_a_remedy(path: Path) -> None:
    absent = path.parent / "absent" / "recording.jsonl"
    with pytest.raises(RecordingError, match=f"cannot open {re.escape(str(absent))} .*name a file in a folder"):
        RecordingFile(absent, 10_000)
