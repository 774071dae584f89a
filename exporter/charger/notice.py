"""Notices: the log lines that an event causes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for the log. It has texts of our own and names of fields, and no text of the service."""

    level: Literal["debug", "info", "warning"]
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)


SWITCHED_ON: Final = Notice("info", "charger switched on")
SWITCHED_OFF: Final = Notice("info", "charger switched off")
DROPPED: Final = Notice("warning", "charger lost its connection to the service: check its Wi-Fi and power")
SERVICE_ERROR: Final = Notice("warning", "the service reports an error for this charger")


def undecodable(event: str, reason: str) -> Notice:
    """A payload was ignored as a whole."""
    return Notice("warning", f"ignored undecodable payload: {reason}", {"payload": event})


def other_charger(event: str) -> Notice:
    """A payload names another charger."""
    return Notice("warning", "ignored payload of another charger", {"payload": event})


def invalid_field(event: str, name: str) -> Notice:
    """One field of a payload was ignored."""
    return Notice("warning", f"ignored invalid field: {name}", {"payload": event})


def reading_rejected(reason: str, detail: str) -> Notice:
    """The meter rejected a reading."""
    return Notice("debug", f"reading rejected: {reason}: {detail}")


def judged(judgement: str, text: str) -> Notice:
    """The meter made a decision that could have been wrong."""
    return Notice("info", f"energy judged: {text}", {"judgement": judgement})
