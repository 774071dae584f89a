"""Reads rows of the second schema: JSON, with the full names of the fields.

A row stays until its charger changes.
"""

from typing import Any

import msgspec

from exporter.charger.charger import KeptState
from exporter.charger.names_on_disk import NAMES


def has_written(content: bytes) -> bool:
    """Whether a row is of the second schema: MessagePack begins with another byte."""
    return content.startswith(b"{")


def state_of(content: bytes) -> KeptState:
    """Decode a row; raise msgspec.DecodeError."""
    return msgspec.convert(_renamed(msgspec.json.decode(content)), KeptState)


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {NAMES.get(name, name): _renamed(each) for name, each in value.items()}
    return value
