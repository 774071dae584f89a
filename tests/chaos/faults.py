"""A row of the fault matrix: a fault, and the metric and log line that show it.

Each row decorates the test that verifies it; docs/faults.md is generated from the rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import FunctionType
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])

# Short settings, to keep the tests fast.
CONNECT_TIMEOUT = 0.5
# Where no timeout is tested: longer than MARGIN, so that it detects no fault "at once".
PATIENT_CONNECT_TIMEOUT = 20.0
PING_INTERVAL = PING_TIMEOUT = 0.3
IDLE_GRACE = 2.0
# For a busy machine. What would detect a fault later, such as the pings of most services, takes longer still.
MARGIN = 10.0


class Within(Enum):
    """When a fault is detected: the text for the document, and how long a test waits for it."""

    AT_ONCE = ("at once", MARGIN)
    CONNECT_TIMEOUT = ("`connect_timeout` (20 s)", CONNECT_TIMEOUT + MARGIN)
    SILENCE = ("the service's ping interval and timeout, and 2 s", PING_INTERVAL + PING_TIMEOUT + IDLE_GRACE + MARGIN)
    START = ("at the start", 30.0)
    READ = ("when they are read", 30.0)
    COMMIT = ("the next commit (at a scrape, else every 10 s)", 15.0)

    def __init__(self, words: str, seconds: float) -> None:
        self.words = words
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """A row. `metric` rises and `log` is part of the log line; a harmless fault has neither."""

    what: str
    within: Within | None = None
    metric: str = ""
    log: str = ""


def holds(fault: Fault) -> Callable[[F], F]:
    """Mark a test as the one that verifies this row."""

    def mark(test: F) -> F:
        test.__dict__["fault"] = fault
        return test

    return mark


def fault_of(test: object) -> Fault:
    """The row that a test verifies."""
    assert isinstance(test, FunctionType)
    fault = test.__dict__["fault"]
    assert isinstance(fault, Fault)
    return fault


def harmless(what: str) -> Fault:
    """A fault without an effect, which is not logged."""
    return Fault(what)


def connect_failure(what: str, reason: str, log: str, within: Within = Within.AT_ONCE) -> Fault:
    return Fault(what, within, f'vecharge_account_connect_failures_total{{reason="{reason}"}}', log)


def disconnection(what: str, reason: str, log: str = "stream lost", within: Within = Within.AT_ONCE) -> Fault:
    return Fault(what, within, f'vecharge_account_disconnections_total{{reason="{reason}"}}', log)


def decode_error(what: str, event: str, log: str = "ignored undecodable payload") -> Fault:
    return Fault(what, Within.AT_ONCE, f'vecharge_account_decode_errors_total{{event="{event}"}}', log)
