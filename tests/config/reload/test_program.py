"""The whole program: changes on disk and reloads over HTTP reach the streams, and faults are reported."""

import json
import os
import signal
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.config.reload.watching import RELOADED, gauge, sids, wait_until_connected, watched
from tests.end_to_end.program import AS_ANYBODY, CHECK_OFTEN, Exporter, account, changed_by
from tests.node.service import NodeService
from tests.processes import SECONDS, wait_until

LIFECYCLE = {"VECHARGE_EXPORTER_WEB_ENABLE_LIFECYCLE": "true"}
WATCHFUL = changed_by(CHECK_OFTEN)
# It also waits an hour after each failure, so that only a stream that was woken retries.
SLUGGISH = changed_by(CHECK_OFTEN, "from exporter.stream import supervisor; supervisor.Backoff.next = lambda _: 3600.0")


@pytest.fixture
def chargers(tmp_path: Path) -> Path:
    """The folder of charger files, with one file."""
    folder = tmp_path / "exporter" / "chargers"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(json.dumps(["found"]))
    return folder


def with_files(node: NodeService, token: Path) -> dict[str, Any]:
    return {"accounts": [account(node.url, token, ["stays"]) | {"charger_files": ["chargers/*.json"]}]}


def reload(exporter: Exporter) -> requests.Response:
    return requests.post(f"{exporter.url}/-/reload", timeout=SECONDS)


def wait_until_reloads(exporter: Exporter, value: float) -> None:
    wait_until(lambda: gauge(exporter, RELOADED) == value, f"{RELOADED} {value}")


def test_a_refused_stream_connects_at_once_when_its_token_file_changes(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    node.rules(token="the-new-one")
    exporter = start_exporter({"accounts": [account(node.url, token, ["test"])]}, wrapper=SLUGGISH)
    exporter.process.wait_for_line("cannot connect.*reason=rejected")
    token.write_text("the-new-one")
    wait_until_connected(exporter, "test")
    assert [one.token for one in node.connections("test")] == ["Bearer a-token", "Bearer the-new-one"]


def test_a_reload_over_http_watches_new_chargers_or_returns_the_fault(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter({"accounts": [account(node.url, token, ["stays"])]}, env=LIFECYCLE)
    wait_until_connected(exporter, "stays")
    config = exporter.folder / "config.yml"
    config.write_text(yaml.safe_dump({"accounts": [account(node.url, token, ["stays", "comes"])]}))
    assert reload(exporter).status_code == HTTPStatus.OK
    assert watched(exporter) == {"stays", "comes"}
    wait_until_connected(exporter, "stays", "comes")
    config.write_text("accounts: nonsense")
    answer = reload(exporter)
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "config.yml: accounts: must be a list" in answer.text
    assert gauge(exporter, RELOADED) == 0
    assert watched(exporter) == {"stays", "comes"}


def test_a_pattern_without_a_file_is_logged_and_later_files_are_read(
    node: NodeService, token: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter(with_files(node, token), wrapper=WATCHFUL)
    exporter.process.wait_for_line("level=warn .*no file matches charger_files.*pattern=chargers/")
    folder = exporter.folder / "chargers"
    folder.mkdir()
    (folder / "late.json").write_text(json.dumps(["comes"]))
    wait_until_connected(exporter, "stays", "comes")


@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["not to be listed", "not to be entered"])
def test_an_unreadable_charger_folder_removes_no_charger(
    node: NodeService, token: Path, chargers: Path, start_exporter: Callable[..., Exporter], mode: int
) -> None:
    exporter = start_exporter(with_files(node, token), env=LIFECYCLE, wrapper=(*AS_ANYBODY, *WATCHFUL))
    wait_until_connected(exporter, "stays", "found")
    before = sids(node, "stays") + sids(node, "found")
    chargers.chmod(mode)
    try:
        wait_until_reloads(exporter, 0)
        answer = reload(exporter)
        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        assert "PermissionError: Permission denied" in answer.text
        exporter.process.signal(signal.SIGHUP)
        wait_until(lambda: exporter.process.text().count("reload failed") == 3, "who asked is answered in the log")
        assert watched(exporter) == {"stays", "found"}
    finally:
        chargers.chmod(0o755)
    (chargers / "y.json").write_text(json.dumps(["comes"]))
    wait_until_connected(exporter, "stays", "found", "comes")
    wait_until_reloads(exporter, 1)
    assert sids(node, "stays") + sids(node, "found") == before
    assert exporter.process.text().count("level=error") == 3


def test_a_pipe_among_the_charger_files_blocks_neither_reload_nor_stop(
    node: NodeService, token: Path, chargers: Path, start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter(with_files(node, token), env=LIFECYCLE)
    os.mkfifo(chargers / "y.json")
    answer = reload(exporter)
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "chargers/y.json: is a pipe, a device or a socket" in answer.text
    exporter.process.signal(signal.SIGTERM)
    assert exporter.process.wait_for_end() == 0


def test_a_pipe_instead_of_a_token_file_affects_only_its_account(
    node: NodeService, token: Path, tmp_path: Path, start_exporter: Callable[..., Exporter]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    exporter = start_exporter(
        {
            "accounts": [
                account(node.url, token, ["one"], name="one"),
                account(node.url, tmp_path / "pipe", ["two"], name="two"),
            ]
        },
        wrapper=WATCHFUL,
    )
    wait_until_connected(exporter, "one")
    exporter.process.wait_for_line("cannot connect.*is a pipe, a device or a socket: put a regular file there")
    (tmp_path / "new").write_text("a-token")
    (tmp_path / "new").rename(tmp_path / "pipe")
    wait_until_connected(exporter, "one", "two")
