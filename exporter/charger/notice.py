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


def ignored(what: str, event: str) -> Notice:
    """Return the notice that all of the payload of this event was ignored, or a part of it."""
    return Notice("warning", f"ignored {what}", {"payload": event})
