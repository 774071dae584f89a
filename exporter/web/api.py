"""GET /api/v1/chargers: the current state of every charger, as JSON.

A field has the value of a scrape, by the same row of METRICS, and is named after it: `vecharge_charger_power_watts` is
`power_watts`. Unknown values are absent here, too.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec

from exporter.charger.changes import live_values
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.metrics.piece import Piece
from exporter.metrics.read import Live
from exporter.metrics.table import CHARGER_METRICS
from exporter.web.compression import IDENTITY, compressed
from exporter.web.problem import problem_of

# The document is made at most once per second, however many clients request it.
SHARED_SECONDS: Final = 1.0
# The streams run between two slices. A slice takes 2 ms.
CHARGERS_PER_SLICE: Final = 500

_READ: Final = {
    metric.name.removeprefix("vecharge_charger_").removeprefix("vecharge_"): metric.series[0].read
    for metric in CHARGER_METRICS
    if not metric.labels
}
FIELDS: Final = (
    "up",
    "voltage_volts",
    "current_amperes",
    "power_watts",
    "energy_joules_total",
    "session_energy_joules",
    "session_start_timestamp_seconds",
    "last_log_timestamp_seconds",
    "stream_connected",
)
_SHOWN: Final = tuple((name, _READ[name]) for name in FIELDS)


def charger_document(charger: Charger, now: Moment) -> dict[str, Any]:
    """Return one charger, without address and position, which may be those of a home."""
    document: dict[str, Any] = {"charger_id": charger.charger_id, "account": charger.account.name}
    if charger.about.name:
        document["name"] = charger.about.name
    document["status"] = charger.status.value
    live = live_values(charger, now)
    for name, read in _SHOWN:
        value = live[read.index] if isinstance(read, Live) else read(charger, now)
        if value is not None:
            document[name] = value
    problem = problem_of(charger, now)
    if problem is not None:
        document["problem"] = problem
    return document


class ChargersDocument:
    """The document of all chargers. All requests within a second share it."""

    def __init__(self, chargers: Callable[[], list[Charger]], clock: Callable[[], Moment]) -> None:
        self._chargers = chargers
        self._clock = clock
        self._started_at = float("-inf")
        # By content encoding.
        self._bodies: dict[str, asyncio.Task[list[bytes]]] = {}

    async def body(self, encoding: str = IDENTITY) -> list[bytes]:
        """Return the document in a content encoding, in pieces."""
        now = self._clock()
        if now.monotonic - self._started_at >= SHARED_SECONDS:
            self._started_at = now.monotonic
            self._bodies = {}
        if encoding not in self._bodies:
            self._bodies[encoding] = asyncio.create_task(self._make(encoding, now))
        # A client that disconnects does not cancel the document of the others.
        return await asyncio.shield(self._bodies[encoding])

    async def _make(self, encoding: str, now: Moment) -> list[bytes]:
        if encoding != IDENTITY:
            return await asyncio.to_thread(compressed, [Piece(text) for text in await self.body()], encoding)
        chargers = self._chargers()
        texts: list[bytes] = []
        for first in range(0, len(chargers), CHARGERS_PER_SLICE):
            some = [charger_document(charger, now) for charger in chargers[first : first + CHARGERS_PER_SLICE]]
            texts.append(msgspec.json.encode(some)[1:-1])
            await asyncio.sleep(0)
        all_of_them = msgspec.Raw(b"[" + b",".join(texts) + b"]")
        return [msgspec.json.encode({"timestamp_seconds": now.unix, "chargers": all_of_them})]
