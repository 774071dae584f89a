"""docs/faults.md is generated from the rows that the tests verify."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.faults import Fault, Within, fault_of

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "faults.md"
SECTIONS = {
    "test_wire": "The network",
    "test_answers": "Answers to the handshake",
    "test_trust": "Certificates and tokens",
    "test_messages": "Messages of the service",
    "test_machine": "The exporter's machine",
    "test_state_file": "The state file",
}
# Rows that tests in other folders verify.
ELSEWHERE = {
    "test_wire": (
        (
            Fault("A slow service that answers within `connect_timeout` over the transport tried first"),
            "tests/stream/test_failures.py",
            "test_a_service_that_answers_within_the_timeout_connects_at_the_first_attempt",
        ),
        (
            Fault(
                "Websockets hang, polling works: the second attempt connects",
                Within.CONNECT_TIMEOUT,
                'vecharge_account_connect_failures_total{reason="timeout"}',
                "over websocket",
            ),
            "tests/stream/test_failures.py",
            "test_if_websockets_hang_a_slow_service_connects_at_the_second_attempt",
        ),
        (
            Fault("Pings announced once an hour: the exporter pings, or closes a silent stream, earlier"),
            "tests/stream/test_connections.py",
            "test_silence_is_detected_if_the_ping_interval_is_an_hour",
        ),
    ),
    "test_state_file": (
        (
            Fault("A second exporter uses the file: it does not start", Within.START, log="in use by another exporter"),
            "tests/state/test_crashes.py",
            "test_a_second_exporter_exits_with_1_and_a_line_that_names_the_file",
        ),
        (
            Fault(
                "The disk is full, then has space again",
                Within.COMMIT,
                "vecharge_exporter_state_commit_failures_total",
                "the disk is full: make room on it",
            ),
            "tests/state/test_crashes.py",
            "test_a_full_disk_fails_commits_without_lowering_a_total",
        ),
        (
            Fault(
                "The disk hangs: scrapes show the last committed totals",
                Within.COMMIT,
                "vecharge_exporter_state_commit_failures_total",
                "not on disk 5 s after it was requested",
            ),
            "tests/state/test_crashes.py",
            "test_scrapes_show_committed_totals_while_the_disk_hangs",
        ),
        (
            Fault(
                "Sessions are damaged, and a commit finds them: a new file has all totals and the other sessions",
                Within.COMMIT,
                "vecharge_exporter_state_damaged_files",
                "a new file has its totals and readable sessions",
            ),
            "tests/state/test_damage.py",
            "test_damaged_sessions_affect_neither_totals_nor_other_sessions",
        ),
        (
            Fault(
                "Sessions are damaged or missing, and `vecharge-exporter sessions` reads them",
                Within.READ,
                log="sessions are missing or cannot be read",
            ),
            "tests/cli/test_sessions.py",
            "test_a_session_that_is_missing_of_a_period_is_reported_with_its_day",
        ),
    ),
}

HEAD = """<!-- Generated from the tests in tests/chaos by `make golden`: change the texts there. -->

# Faults

Faults, when the exporter detects each, and the metric and the log line that show it. The exporter recovers from each
without help and loses no energy, except where a row of the state file says otherwise. A fault without a log line has no
effect. A repeated fault is logged at its 1st, 2nd, 4th, 8th ... time, until it is over; a failed commit is logged once
per minute. An exporter that does not start exits with status 1 and leaves the file as it is; Prometheus shows `up` 0.
"""


def rows(module: str) -> Iterator[Fault]:
    """The rows that the tests of a module verify, in their order."""
    for name, test in vars(importlib.import_module(f"tests.chaos.{module}")).items():
        if name.startswith("test_"):
            yield fault_of(test)
    for fault, _, _ in ELSEWHERE.get(module, ()):
        yield fault


def matrix() -> str:
    """The document."""
    parts = [HEAD]
    for module, title in SECTIONS.items():
        parts.append(f"\n## {title}\n\n| fault | detected | metric | log line contains |\n|---|---|---|---|\n")
        for fault in rows(module):
            noticed = fault.within.words if fault.within else "no effect"
            metric = f"`{fault.metric}`" if fault.metric else ""
            parts.append(f"| {fault.what} | {noticed} | {metric} | {fault.log} |\n")
    return "".join(parts)


@pytest.mark.usefixtures("golden")
def test_the_document_is_generated_from_the_tests(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--renew-golden"):
        DOCUMENT.write_text(matrix())
    assert DOCUMENT.read_text() == matrix(), "if the change is intended: make golden"


def test_every_row_has_a_test() -> None:
    for held in ELSEWHERE.values():
        for _, file, name in held:
            assert f"def {name}(" in (ROOT / file).read_text()


def test_every_file_of_the_matrix_has_its_section() -> None:
    others = {"test_table", "test_fuzz", "test_leaks", "test_arrivals"}
    assert {file.stem for file in Path(__file__).parent.glob("test_*.py")} - others == set(SECTIONS)
