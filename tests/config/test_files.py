"""Files that others write: matching a pattern, rejecting irregular files, detecting a change."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config.files import FilePattern, NotRegularError, mark_of, read, unreadable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files in two folders, one of them hidden, and a dangling link."""
    for name in ("b.yml", "a.yml", "c.json", ".hidden/d.yml", "deep/er/e.yml", "folder.yml/f.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.yml").symlink_to("nothing")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.yml", ["a.yml"]),
        ("*.yml", ["a.yml", "b.yml", "link.yml"]),
        ("[ab].*", ["a.yml", "b.yml"]),
        ("**/*.yml", ["a.yml", "b.yml", "deep/er/e.yml", "link.yml"]),
        (".hidden/?.yml", [".hidden/d.yml"]),
        ("nothing.yml", []),
        ("nothing/*.yml", []),
        ("a.yml/*", []),
        ("deep", []),
    ],
)
def test_a_pattern_matches_files_but_not_folders_in_order_of_name(folder: Path, pattern: str, names: list[str]) -> None:
    assert FilePattern(folder, pattern).files() == [folder / name for name in names]


def test_a_pattern_may_be_absolute(folder: Path) -> None:
    assert FilePattern(Path("/nothing"), f"{folder}/[ab].yml").files() == [folder / "a.yml", folder / "b.yml"]


def test_a_folder_whose_name_looks_like_a_pattern_is_taken_literally(tmp_path: Path) -> None:
    folder = tmp_path / "chargers[1]*"
    folder.mkdir()
    (folder / "a.yml").touch()
    assert FilePattern(folder, "*.yml").files() == [folder / "a.yml"]


def make_pipe(file: Path) -> None:
    os.mkfifo(file)


def make_link_to_a_device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def make_socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(file))


@pytest.mark.parametrize("make", [make_pipe, make_link_to_a_device, make_socket])
def test_a_file_that_is_not_regular_is_rejected_before_it_is_opened(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "x")
    with pytest.raises(NotRegularError) as refused:
        read(tmp_path / "x")
    assert unreadable(refused.value) == "is a pipe, a device or a socket: put a regular file there"


def test_a_missing_file_has_no_mark(tmp_path: Path) -> None:
    assert mark_of(tmp_path / "x") is None
    assert mark_of(Path("zero\0byte")) is None
