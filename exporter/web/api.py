"""GET /api/v1/chargers: what is known of every charger now, as JSON.

A field shows what a scrape shows, by the same row of METRICS, and is named after it: `vecharge_charger_power_watts`
is `power_watts`. What is not known is absent here too.
"""

import asyncio
import gzip
from collections.abc import Callable
from typing import Any, Final

import msgspec

from exporter.charger import Charger
from exporter.clock import Moment
from exporter.metrics import CHARGER_METRICS
from exporter.web.problem import problem_of

# However many look: made once a second at the most.
SHARED_SECONDS: Final = 1.0
GZIP_LEVEL: Final = 4

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
_SHOWN: Final = tuple((field, _READ[field]) for field in FIELDS)


def charger_document(charger: Charger, now: Moment) -> dict[str, Any]:
    """One charger; no address and no position, which may be somebody's home."""
    document: dict[str, Any] = {"charger_id": charger.charger_id, "account": charger.account.name}
    if charger.name:
        document["name"] = charger.name
    document["status"] = charger.status.value
    for field, read in _SHOWN:
        value = read(charger, now)
        if value is not None:
            document[field] = value
    problem = problem_of(charger, now)
    if problem is not None:
        document["problem"] = problem
    return document


class ChargersDocument:
    """The document over all chargers, shared by all who ask within a second."""

    def __init__(self, chargers: Callable[[], list[Charger]], clock: Callable[[], Moment]) -> None:
        self._chargers = chargers
        self._clock = clock
        self._made_at = float("-inf")
        self._plain = b""
        self._zipped: asyncio.Task[bytes] | None = None

    async def body(self, *, zipped: bool) -> bytes:
        """The document, gzip-compressed or not."""
        now = self._clock()
        if now.monotonic - self._made_at >= SHARED_SECONDS:
            self._made_at = now.monotonic
            chargers = [charger_document(charger, now) for charger in self._chargers()]
            self._plain = msgspec.json.encode({"timestamp_seconds": now.unix, "chargers": chargers})
            self._zipped = None
        if not zipped:
            return self._plain
        if self._zipped is None:
            self._zipped = asyncio.create_task(asyncio.to_thread(gzip.compress, self._plain, GZIP_LEVEL, mtime=0))
        # A client that leaves takes nothing from the others.
        return await asyncio.shield(self._zipped)
