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
    """Yield the event of each line that is not blank. Raise RecordingError at a line that is not an event."""
    decoder = msgspec.json.Decoder(RecordedEvent)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        # A line that is not UTF-8 is a ValueError; one that is nested too deeply, a RecursionError.
        except (ValueError, RecursionError) as error:
            # Not the content of the line: a recording that was not redacted may hold personal data.
            reason = error if isinstance(error, msgspec.ValidationError) else "it is not valid JSON"
            raise RecordingError(f"line {number} is not an event: {reason}") from error


def to_line(event: RecordedEvent) -> bytes:
    """Return the line of an event, with its line break."""
    return msgspec.json.encode(event) + b"\n"
