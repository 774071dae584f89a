"""Closed or full standard streams lose lines, but cause no traceback, abort or other exit status."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.program import PROGRAM
from tests.processes import SECONDS, answer, wait_until

FULL = "/dev/full"


@pytest.mark.parametrize("command", ["metrics", "--help", "--version", "check"])
def test_a_command_whose_output_cannot_be_written_exits_with_1_and_one_line(command: str) -> None:
    ended = subprocess.run(
        f"{PROGRAM} {command} > {FULL}",
        shell=True,
        stderr=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        env=os.environ | {"VECHARGE_TOKEN": "a-token", "VECHARGE_CHARGERS": "a"},
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == ("vecharge-exporter: standard output cannot be written (OSError: No space left on device)\n")


def test_a_command_whose_output_and_errors_cannot_be_written_exits_with_1() -> None:
    assert (
        subprocess.run(f"{PROGRAM} metrics >{FULL} 2>{FULL}", shell=True, timeout=SECONDS, check=False).returncode == 1
    )


@pytest.fixture
def address() -> Iterator[str]:
    """An address to listen on: no other program gets a port that is taken on another address of this machine."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.2:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    "redirection",
    ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", f"2>{FULL}", f">{FULL} 2>{FULL}"],
    ids=["no input", "no output", "no log", "no stream at all", "full log", "full log and output"],
)
def test_the_exporter_runs_and_exits_with_0_with_any_standard_streams(
    redirection: str, address: str, tmp_path: Path
) -> None:
    environment = os.environ | {
        "VECHARGE_TOKEN": "a-token",
        "VECHARGE_CHARGERS": "a",
        "VECHARGE_URL": "http://127.0.0.1:9",
        "VECHARGE_EXPORTER_WEB_LISTEN_ADDRESS": address,
        "VECHARGE_EXPORTER_STORAGE_PATH": str(tmp_path / "data"),
    }
    # Without exec the shell, not the exporter, would get the signal.
    exporter = subprocess.Popen(f"exec {PROGRAM} run {redirection}", shell=True, env=environment)
    try:
        # Many connections are opened and closed: none of them may get the number of a standard stream.
        for _ in range(5):
            wait_until(lambda: answer(f"http://{address}/metrics"), "the page")
        exporter.send_signal(signal.SIGTERM)
        assert exporter.wait(SECONDS) == 0
    finally:
        exporter.kill()
        exporter.wait()
