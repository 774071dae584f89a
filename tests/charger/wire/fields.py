"""Events with given fields."""

from typing import Any

from exporter.charger.events import ChargerDocument, Reading
from exporter.charger.wire import decode


def reading(**fields: object) -> Reading:
    """A log with an energy and these fields."""
    event = decode("newLog", ({"energy": 0} | fields,))
    assert isinstance(event, Reading)
    return event


def document(fields: dict[str, Any], **top: object) -> ChargerDocument:
    event = decode("chargerConnected", ({"_doc": fields, **top},))
    assert isinstance(event, ChargerDocument)
    return event
