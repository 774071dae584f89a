"""The recording of a charger's stream: JSON lines, in the order in which the exporter received them.

    {"at":"2026-11-28T10:00:00.000Z","charger":"c1","event":"newLog","data":{...}}

`event` is an event of the service, or one of the three below; `data` is its payload, as an object or as text.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from exporter.errors import RecordingError

CONNECT: Final = "connect"
DISCONNECT: Final = "disconnect"
# The process ended and started again with what was on disk.
RESTART: Final = "restart"


class RecordedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a recording. `at` is when the exporter received the event."""

    at: datetime
    charger: str
    event: str
    data: object = None

    @property
    def at_unix(self) -> float:
        """`at` in unix seconds; without a time zone it is UTC."""
        return (self.at if self.at.tzinfo else self.at.replace(tzinfo=UTC)).timestamp()


def read_events(lines: Iterable[bytes]) -> Iterator[RecordedEvent]:
    """Yield the event of each line; blank lines are skipped. Raise RecordingError at a line that is not an event."""
    decoder = msgspec.json.Decoder(RecordedEvent)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        # A line that is not UTF-8 is a ValueError; one that is nested too deeply, a RecursionError.
        except (ValueError, RecursionError) as error:
            raise RecordingError(f"line {number} is not an event: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Why a line cannot be read, without its content: a recording that was not redacted may hold personal data."""
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    return "it is not valid JSON"


_encoder: Final = msgspec.json.Encoder()


def to_line(event: RecordedEvent) -> bytes:
    """Return the line of an event, with its line break."""
    return _encoder.encode(event) + b"\n"
