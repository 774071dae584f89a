"""Tokens, phone numbers, user ids and addresses never leave the program, at any log level and with any failure."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import OPENMETRICS, PROGRAM, Exporter, account
from tests.node.service import NodeService
from tests.processes import wait_until

# Each mark is another kind of secret; `Addr` is only where no address may be shown.
TOKEN = "eyJSecretTok.eyJSecretTok.SecretTok"
PHONE = "+911234509876"
MARKS = ("SecretTok", "1234509876", "SecretUser", "SecretAddr", "SecretKey")

PERSONAL: dict[str, Any] = {
    "currentUser": "SecretUser",
    "userId": "SecretUser",
    "chargerPrivateUsers": [PHONE],
    "privateKey": "SecretKey",
    "certificate": "SecretKey",
}
DOCUMENT = {"_doc": {"status": "ON", "energy": 0.1, "operator": "someone", **PERSONAL}, **PERSONAL}
LOG = {
    "voltage": "230.00",
    "current": "7.00",
    "power": "1577.80",
    "energy": 0.23,
    "createdAt": "2022-01-10T13:57:59.124Z",
    "address": "SecretAddr",
    **PERSONAL,
}
ALL = f"{TOKEN} {PHONE} SecretUser SecretAddr"
# Payloads that cannot be decoded, each with a secret at the invalid place.
BROKEN: list[Any] = [
    ALL,
    f'{{"voltage": "{ALL}',
    {**LOG, "voltage": ALL, "createdAt": ALL},
    {**LOG, "energy": ALL},
    [ALL],
    {"_doc": ALL},
    {"_doc": {"status": ALL, "location": ALL, "connectedTimestamp": ALL}},
    {"status": ALL},
    {ALL: ALL},
]
EVENTS = ("chargerConnected", "newLog", "statusChanged", "chargerDisconnected", "error", "SecretUser moved")


def find_marks(text: str) -> set[str]:
    return {mark for mark in MARKS if mark in text}


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


def test_secrets_in_payloads_are_not_shown(
    node_service: Callable[..., NodeService], start_exporter: Callable[..., Exporter], token: Path
) -> None:
    node = node_service("2")
    node.document("test", DOCUMENT)
    config = {"accounts": [account(node.url, token, ["test"])]}
    exporter = start_exporter(config, command=("run", "--record.file=recording.jsonl"), level="debug")
    exporter.wait_until_up(1)
    for event in EVENTS:
        for payload in BROKEN:
            node.emit("test", event, payload)
            node.emit("test", event, payload, "text")
            node.emit("test", event, payload, "binary")
    node.error("test", ALL)
    wait_until(lambda: exporter.values("vecharge_stream_connections_total")["test"] == 2, "the next connection")
    node.emit("test", "newLog", {**LOG, "createdAt": "2022-01-10T13:58:59.124Z"})
    wait_until(lambda: exporter.values("vecharge_charger_power_watts"), "the reading")
    node.rules(refuse=ALL)
    node.off("test")
    wait_until(lambda: exporter.values("vecharge_stream_connect_failures_total")["test"] >= 1, "the refusal")
    assert_nothing_is_told(exporter)
    recording = (exporter.folder / "recording.jsonl").read_text()
    assert all(f'"event":"{event}"' in recording for event in EVENTS[:-1]), "what is looked through is there"


def test_secrets_are_not_shown_when_connections_fail(
    node_service: Callable[..., NodeService], start_exporter: Callable[..., Exporter], token: Path
) -> None:
    refusing, failing, hanging, foreign = node_service("2"), node_service("2"), node_service("2"), node_service("4")
    refusing.rules(refuse=ALL)
    failing.rules(handshake_status=500, handshake_body=ALL)
    hanging.rules(hang=True)
    addresses = {
        "refusing": refusing.url,
        "failing": failing.url,
        "hanging": hanging.url,
        "foreign": foreign.url,
        "no-tls": refusing.url.replace("http:", "https:"),
        "nobody": "http://127.0.0.1:9",
        "no-such-name": "http://no-such-name.invalid",
    }
    accounts = [
        account(url, token, [f"{name} by {ways}"], name=f"{name} by {ways}")
        | {"transports": ways.split(" or "), "connect_timeout": "1s"}
        for name, url in addresses.items()
        for ways in ("websocket", "polling", "websocket or polling")
    ]
    exporter = start_exporter({"accounts": accounts}, level="debug")

    def failures() -> dict[str, float]:
        return exporter.values("vecharge_stream_connect_failures_total")

    wait_until(lambda: min(failures().values()) >= 2, lambda: f"two failures of each: {failures()}")
    assert_nothing_is_told(exporter)


def assert_nothing_is_told(exporter: Exporter) -> None:
    """Check every page, the complete log and every file."""
    for path in ("/metrics", "/", "/api/v1/chargers", "/api/v1/sessions", "/-/healthy", "/-/ready", f"/{TOKEN}"):
        assert find_marks(exporter.get(path).text.replace(f"/{TOKEN}", "")) == set(), path
    assert find_marks(exporter.scrape(OPENMETRICS)) == set()
    assert exporter.process.stop() == 0
    log = exporter.process.text()
    assert "level=debug" in log, "the log is at its most talkative"
    assert "Traceback" not in log
    files = [file for file in exporter.folder.rglob("*") if file.is_file() and file.name != "config.yml"]
    assert exporter.process.output in files
    found = {str(file.relative_to(exporter.folder)): find_marks(file.read_text(errors="replace")) for file in files}
    assert not any(found.values()), found


@pytest.mark.parametrize(
    "document",
    [
        "accounts: [{name: a, token: {TOKEN}, chargers: [test], unknown: {TOKEN}}]",
        "accounts: [{name: a, token: [{TOKEN}], chargers: [test]}]",
        "accounts: [{name: a, token: {TOKEN}, chargers: {TOKEN}}]",
        "accounts: [{name: a, token: {TOKEN} {TOKEN}, chargers: [test]}]",
        "accounts: [{name: a, token: {TOKEN}, token_env: {TOKEN}, chargers: [test]}]",
        "accounts: [{name: a, token: '{TOKEN}",
    ],
)
def test_errors_of_an_invalid_configuration_show_no_token(tmp_path: Path, document: str) -> None:
    file = tmp_path / "config.yml"
    file.write_text(document.replace("{TOKEN}", TOKEN))
    ended = subprocess.run(
        [PROGRAM, "check", "--config.file", file], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 2
    assert find_marks(ended.stdout + ended.stderr) == set()


def test_a_failing_check_prints_no_token(node_service: Callable[..., NodeService], tmp_path: Path, token: Path) -> None:
    node = node_service("2")
    node.rules(refuse=ALL)
    (tmp_path / "config.yml").write_text(
        f"accounts: [{{name: a, url: '{node.url}', token_file: {token}, chargers: [test]}}]"
    )
    ended = subprocess.run(
        [PROGRAM, "check", "--online", "--config.file", tmp_path / "config.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert find_marks(ended.stdout + ended.stderr) == set()
