"""GET /api/v1/chargers: the current state of every charger, as JSON.

A field has the value of a scrape, by the same row of METRICS, and is named after it: `vecharge_charger_power_watts` is
`power_watts`. Unknown values are absent here, too.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import Status
from exporter.metrics.live_values import Live, live_values
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
        value = live[read.place] if isinstance(read, Live) else read(charger, now)
        if value is not None:
            document[name] = value
    problem = problem_of(charger, now)
    if problem is not None:
        document["problem"] = problem
    return document


@dataclass(slots=True)
class _Made:
    totals: Mapping[str, float | None]
    plain: bytes
    # By content encoding.
    compressed: dict[str, asyncio.Task[list[bytes]]] = field(default_factory=dict)


class ChargersDocument:
    """The document of all chargers, and their totals. All requests within a second share it."""

    def __init__(self, chargers: Callable[[], list[Charger]], clock: Callable[[], Moment]) -> None:
        self._chargers = chargers
        self._clock = clock
        self._started_at = float("-inf")
        self._making: asyncio.Task[_Made] | None = None

    async def body(self, encoding: str = IDENTITY) -> list[bytes]:
        """Return the document in a content encoding, in pieces."""
        made = await self._shared()
        if encoding not in made.compressed:
            made.compressed[encoding] = asyncio.create_task(asyncio.to_thread(compressed, [made.plain], encoding))
        return await asyncio.shield(made.compressed[encoding])

    async def totals(self) -> Mapping[str, float | None]:
        """Return the totals of the landing page, which it shows until its script has loaded the chargers."""
        return (await self._shared()).totals

    async def _shared(self) -> _Made:
        now = self._clock()
        if self._making is None or now.monotonic - self._started_at >= SHARED_SECONDS:
            self._started_at = now.monotonic
            self._making = asyncio.create_task(self._make(now))
        # A client that disconnects does not cancel the document of the others.
        return await asyncio.shield(self._making)

    async def _make(self, now: Moment) -> _Made:
        chargers = self._chargers()
        documents: list[dict[str, Any]] = []
        texts: list[bytes] = []
        for first in range(0, len(chargers), CHARGERS_PER_SLICE):
            some = [charger_document(charger, now) for charger in chargers[first : first + CHARGERS_PER_SLICE]]
            documents += some
            texts.append(msgspec.json.encode(some)[1:-1])
            await asyncio.sleep(0)
        all_of_them = msgspec.Raw(b"[" + b",".join(texts) + b"]")
        plain = msgspec.json.encode({"timestamp_seconds": now.unix, "chargers": all_of_them})
        return _Made(_totals(documents), plain)


def _totals(chargers: list[dict[str, Any]]) -> dict[str, float | None]:
    up = sum(charger["up"] for charger in chargers)
    return {
        "chargers": len(chargers),
        "up": up,
        "down": len(chargers) - up,
        "on": sum(charger["status"] == Status.ON for charger in chargers),
        "power_watts": _sum_of_known(charger.get("power_watts") for charger in chargers),
        # A charger that is off has no running session: it adds 0.
        "session_energy_joules": _sum_of_known(
            charger.get("session_energy_joules") if charger["status"] == Status.ON else 0.0
            for charger in chargers
            if charger["status"] != Status.UNKNOWN
        ),
    }


def _sum_of_known(values: Iterable[float | None]) -> float | None:
    """Return the sum of the known values; None if none is known, since 0 would mean that no power is drawn."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
