"""The messages of the program when it starts or fails to start, and its signals."""

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from exporter.app import reload_whenever
from tests.end_to_end.program import AS_ANYBODY, PROGRAM, Exporter
from tests.processes import SECONDS, answer, wait_until
from tests.stream.watch import until

NOBODY_THERE = "http://127.0.0.1:9"
CONFIG = {"accounts": [{"name": "delhi", "url": NOBODY_THERE, "token": "a-token", "chargers": ["a"]}]}


def ends(folder: Path, *flags: str, wrapper: Sequence[str] = ()) -> tuple[int, str]:
    """The exit status and last line of a program that fails to start."""
    (folder / "config.yml").write_text(f"accounts: [{{name: x, url: '{NOBODY_THERE}', token: a-token, chargers: [a]}}]")
    ended = subprocess.run(
        [*wrapper, PROGRAM, "--config.file=config.yml", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return ended.returncode, ended.stderr.splitlines()[-1].removeprefix("vecharge-exporter: ")


def test_a_start_does_not_import_what_only_later_requests_need() -> None:
    code = (
        "import sys, exporter.app; "
        "print(*{'requests'} & set(sys.modules)); "
        "import requests"  # is not hidden from others
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert printed.stdout == "\n"


def test_a_start_loads_the_authorities_of_the_system_once_for_an_account_and_not_for_aiohttp() -> None:
    code = """
import os, ssl
files = []
ssl.SSLContext.set_default_verify_paths = lambda context: files.append(os.environ["SSL_CERT_FILE"])
from exporter.cli.main import main
try:
    main(["run", "--config.file=missing.yml"])
except SystemExit:
    from exporter.stream.tls import ResumingContext
    ResumingContext("a-host")
print(*files)
"""
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SSL_CERT_FILE": "/authorities.pem"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert printed.stdout == "/dev/null /dev/null /authorities.pem\n"


def test_a_host_that_cannot_be_resolved_is_reported_with_a_remedy(tmp_path: Path) -> None:
    assert ends(tmp_path, "--web.listen-address=nowhere.invalid:10037") == (
        1,
        "cannot listen on nowhere.invalid:10037 (the host cannot be resolved): choose another --web.listen-address",
    )


@pytest.mark.parametrize("path", ["folder/data", "folder"])
def test_a_folder_that_cannot_be_written_is_reported_with_a_remedy(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir(mode=0o555)
    status, line = ends(tmp_path, f"--storage.path={path}", "--web.listen-address=127.0.0.1:0", wrapper=AS_ANYBODY)
    assert status == 1
    assert line.startswith(
        f"the state file {path}/state.db cannot be opened: permission denied; this process runs as uid "
    )
    assert line.endswith(": let it read and write the file and its folder")


@pytest.mark.parametrize(
    ("file", "content", "flag"),
    [
        ("config.yml", "accounts: []", "--config.file=config.yml"),
        ("web.yml", "basic_auth_user: {}", "--web.config.file=web.yml"),
    ],
)
def test_the_state_folder_is_created_only_if_both_files_are_valid(
    tmp_path: Path, file: str, content: str, flag: str
) -> None:
    (tmp_path / "good.yml").write_text(f"accounts: [{{name: x, url: '{NOBODY_THERE}', token: a, chargers: [a]}}]")
    (tmp_path / file).write_text(content)
    ended = subprocess.run(
        [PROGRAM, "--config.file=good.yml", flag], cwd=tmp_path, capture_output=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 2
    assert not (tmp_path / "data").exists()


def test_the_log_has_the_url_and_the_absolute_path_of_the_state(tmp_path: Path) -> None:
    exporter = Exporter(tmp_path / "exporter", CONFIG)
    try:
        url = exporter.process.wait_for_line(r"msg=listening .* url=(\S+)")[1]
        assert url == f"{exporter.url}/"
        assert f"{tmp_path}/exporter/data/" in exporter.process.text()
    finally:
        exporter.process.stop()


def test_the_log_says_whether_the_state_file_is_new(tmp_path: Path) -> None:
    (account,) = CONFIG["accounts"]
    config = {"accounts": [account | {"chargers": ["a", "b"]}]}
    exporter = Exporter(tmp_path, config)
    exporter.process.stop()
    assert f'msg="new state file in {tmp_path}/data" file={tmp_path}/data/state.db\n' in exporter.process.text()
    for charger, kwh in (("a", "900.05"), ("b", "34.05")):
        arguments = ("state", "set", charger, f"--energy-kwh={kwh}")
        subprocess.run([PROGRAM, *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=SECONDS)
    exporter = Exporter(tmp_path, config)
    exporter.process.stop()
    assert 'msg="state file opened: 2 chargers, 934.1 kWh"' in exporter.process.text()
    assert "new state file" not in exporter.process.text()


def test_an_expired_token_is_logged_at_the_start(tmp_path: Path) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1700000000}').decode().rstrip("=")
    (account,) = CONFIG["accounts"]
    exporter = Exporter(tmp_path, {"accounts": [account | {"token": f"e30.{claims}.marked-secret"}]})
    try:
        line = exporter.process.wait_for_line(r"level=warn msg=\"the token has expired: replace it\".*")[0]
        assert re.search(
            r'account=delhi source="token in the configuration" expired="2023-11-14 \(\d+ days ago\)"', line
        )
        assert "marked-secret" not in exporter.process.text()
    finally:
        exporter.process.stop()


async def test_hangups_at_the_same_time_cause_one_reload() -> None:
    hang_up = asyncio.Event()
    reloads: list[bool] = []

    class Reloads:
        async def reload(self) -> None:
            reloads.append(hang_up.is_set())

    reloading = asyncio.create_task(reload_whenever(hang_up, cast("Any", Reloads())))
    for _ in range(3):
        hang_up.set()
        await asyncio.sleep(0)
    await until(lambda: reloads, "a reload")
    reloading.cancel()
    assert reloads == [False], "all that came before are done with it"


def test_a_hangup_after_a_failed_reload_reloads_again(tmp_path: Path) -> None:
    exporter = Exporter(tmp_path, CONFIG)
    try:
        (tmp_path / "config.yml").write_text("accounts: []")
        exporter.process.signal(signal.SIGHUP)
        exporter.process.wait_for_line("reload failed")
        exporter.process.signal(signal.SIGHUP)
        # Only a reload by signal or request logs the same failure again.
        wait_until(lambda: exporter.process.text().count("reload failed") == 2, "one more failed reload")
    finally:
        exporter.process.stop()


def test_a_hundred_hangups_cause_one_reload(tmp_path: Path) -> None:
    exporter = Exporter(tmp_path, CONFIG)
    try:
        for _ in range(100):
            exporter.process.signal(signal.SIGHUP)
        reloaded = "configuration reloaded"
        exporter.process.wait_for_line(reloaded)
        # A later signal causes another reload, after all those of the hundred.
        exporter.process.signal(signal.SIGHUP)
        wait_until(lambda: exporter.process.text().count(reloaded) >= 2, "one more reload")
        exporter.process.signal(signal.SIGTERM)
        assert exporter.process.wait_for_end() == 0
        assert exporter.process.text().count(reloaded) == 2
    finally:
        exporter.process.stop()


def test_the_exporter_runs_with_a_closed_standard_input(tmp_path: Path) -> None:
    with socket.socket() as taken:
        # No other program gets a port that is taken on another address of this machine.
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.2:{taken.getsockname()[1]}"
        flags = f"--config.file=config.yml --web.listen-address={address}"
        (tmp_path / "config.yml").write_text(json.dumps(CONFIG))
        # Without exec the shell, not the exporter, would get the signal.
        exporter = subprocess.Popen(f"exec {PROGRAM} {flags} <&-", shell=True, cwd=tmp_path)
        try:
            # Many connections are opened and closed: none of them may get the number of a standard stream.
            for _ in range(5):
                wait_until(lambda: answer(f"http://{address}/metrics"), "the page")
            exporter.send_signal(signal.SIGTERM)
            assert exporter.wait(SECONDS) == 0
        finally:
            exporter.kill()
            exporter.wait()
