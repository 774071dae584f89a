"""GET /api/v1/chargers: what is known of every charger now, as JSON.

A field shows what a scrape shows, by the same row of METRICS, and is named after it: `vecharge_charger_power_watts`
is `power_watts`. What is not known is absent here too.
"""

import asyncio
import gzip
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from exporter.charger import Charger
from exporter.clock import Moment
from exporter.metrics import CHARGER_METRICS
from exporter.web.problem import problem_of
from exporter.wire import Status

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
    """The document over all chargers, and their totals; shared by all who ask within a second."""

    def __init__(self, chargers: Callable[[], list[Charger]], clock: Callable[[], Moment]) -> None:
        self._chargers = chargers
        self._clock = clock
        self._made_at = float("-inf")
        self._totals: dict[str, float | None] = {}
        self._plain = b""
        self._zipped: asyncio.Task[bytes] | None = None

    async def body(self, *, zipped: bool) -> bytes:
        """The document, gzip-compressed or not."""
        self._refresh()
        if not zipped:
            return self._plain
        if self._zipped is None:
            self._zipped = asyncio.create_task(asyncio.to_thread(gzip.compress, self._plain, GZIP_LEVEL, mtime=0))
        # A client that leaves takes nothing from the others.
        return await asyncio.shield(self._zipped)

    def totals(self) -> Mapping[str, float | None]:
        """What stands on top of the page until its script has asked for the chargers, and for who has no script."""
        self._refresh()
        return self._totals

    def _refresh(self) -> None:
        now = self._clock()
        if now.monotonic - self._made_at < SHARED_SECONDS:
            return
        self._made_at = now.monotonic
        chargers = [charger_document(charger, now) for charger in self._chargers()]
        self._totals = _totals(chargers)
        self._plain = msgspec.json.encode({"timestamp_seconds": now.unix, "chargers": chargers})
        self._zipped = None


def _totals(chargers: list[dict[str, Any]]) -> dict[str, float | None]:
    up = sum(charger["up"] for charger in chargers)
    return {
        "chargers": len(chargers),
        "up": up,
        "down": len(chargers) - up,
        "on": sum(charger["status"] == Status.ON for charger in chargers),
        "power_watts": _sum_of_known(charger.get("power_watts") for charger in chargers),
        # The last session of a charger that is off is over: it adds nothing, and that is known.
        "session_energy_joules": _sum_of_known(
            charger.get("session_energy_joules") if charger["status"] == Status.ON else 0.0
            for charger in chargers
            if charger["status"] != Status.UNKNOWN
        ),
    }


def _sum_of_known(values: Iterable[float | None]) -> float | None:
    """None if none is known: 0 would say that nothing is drawn."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
