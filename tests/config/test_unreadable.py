"""A file or folder that cannot be read is an error with a remedy. It is not treated as empty."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.config.load import load
from exporter.errors import ConfigError
from tests.end_to_end.program import AS_ANYBODY, PROGRAM
from tests.processes import SECONDS

CONFIG = "accounts: [{name: x, token_env: X, chargers: [a], charger_files: ['chargers/*.json']}]"


@pytest.fixture
def chargers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a charger file, in the working folder beside `config.yml`."""
    monkeypatch.chdir(tmp_path)
    Path("config.yml").write_text(CONFIG)
    folder = Path("chargers")
    folder.mkdir()
    (folder / "x.json").write_text('["b"]')
    return folder


@contextmanager
def no_file_left() -> Iterator[None]:
    """No file can be opened during the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def refusal() -> str:
    with pytest.raises(ConfigError) as refused:
        load(Path("config.yml"))
    return str(refused.value)


def check() -> str:
    """The error of the program, run by a user for whom file permissions apply."""
    ended = subprocess.run(
        [*AS_ANYBODY, PROGRAM, "check", "--config.file=config.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert ended.returncode == 2, ended
    return ended.stderr.removeprefix("vecharge-exporter: ").rstrip()


@pytest.mark.parametrize("mode", [0o000, 0o111], ids=["nothing allowed", "no listing"])
def test_a_folder_that_cannot_be_listed_is_an_error(chargers: Path, mode: int) -> None:
    chargers.chmod(mode)
    assert check() == (
        "config.yml: accounts[0].charger_files[0]: chargers cannot be read (PermissionError: Permission denied): "
        "give the exporter's user read access to it and its folders"
    )


def test_a_charger_file_that_cannot_be_opened_is_reported(chargers: Path) -> None:
    chargers.chmod(0o444)
    assert check() == (
        "chargers/x.json: cannot be read (PermissionError: Permission denied): "
        "give the exporter's user read access to it and its folders"
    )


@pytest.mark.parametrize("pattern", ["chargers/*.json", "**/x.json"])
def test_a_folder_that_cannot_be_listed_at_the_limit_of_open_files_is_an_error(
    chargers: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    del chargers
    Path("config.yml").write_text(CONFIG.replace("chargers/*.json", pattern))
    load(Path("config.yml"))  # Python opens the file of a codec at its first use.
    content = Path("config.yml").read_bytes()
    monkeypatch.setattr("exporter.config.files.read", lambda _file: content)
    with no_file_left():
        message = refusal()
    assert "Too many open files): raise the limit of open files" in message
    assert message.startswith("config.yml: accounts[0].charger_files[0]: ")


def test_an_error_at_the_limit_of_open_files_names_the_limit(chargers: Path) -> None:
    del chargers
    with no_file_left():
        message = refusal()
    assert message == (
        "config.yml: cannot be read (OSError: Too many open files): "
        "raise the limit of open files (ulimit -n, LimitNOFILE=)"
    )


def test_a_missing_file_and_a_folder_instead_of_a_file_are_reported(chargers: Path) -> None:
    for file, message in (
        (Path("nothing.yml"), "FileNotFoundError: No such file or directory): create it, or correct the path"),
        (chargers, "IsADirectoryError: Is a directory): name a file"),
    ):
        with pytest.raises(ConfigError) as refused:
            load(file)
        assert str(refused.value) == f"{file}: cannot be read ({message}"


def test_a_missing_folder_has_no_files(chargers: Path) -> None:
    (chargers / "x.json").unlink()
    chargers.rmdir()
    assert [charger.id for charger in load(Path("config.yml")).accounts[0].chargers] == ["a"]


def test_a_charger_file_that_is_a_pipe_is_rejected_without_waiting(chargers: Path) -> None:
    os.mkfifo(chargers / "y.json")
    assert refusal() == "chargers/y.json: is a pipe, a device or a socket: put a regular file there"


def test_an_authority_that_is_a_pipe_is_rejected_without_waiting(chargers: Path) -> None:
    os.mkfifo(chargers / "ca.pem")
    Path("config.yml").write_text(CONFIG.replace("token_env", "ca_file: chargers/ca.pem, token_env"))
    assert refusal() == (
        "config.yml: accounts[0].ca_file: chargers/ca.pem is a pipe, a device or a socket: put a regular file there"
    )
