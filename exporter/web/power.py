"""GET /api/v1/power: the power of the last minutes, as JSON."""

import asyncio
import gzip
import math
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from exporter.charger.clock import Moment
from exporter.web.power_history import PowerHistory

# However many look: made once a second at the most.
SHARED_SECONDS: Final = 1.0
GZIP_LEVEL: Final = 4


class PowerDocument:
    """The document over all chargers; shared by all who ask within a second."""

    def __init__(self, history: PowerHistory, clock: Callable[[], Moment]) -> None:
        self._history = history
        self._clock = clock
        self._made_at = -math.inf
        self._making: asyncio.Task[tuple[bytes, bytes]] | None = None

    async def body(self, *, zipped: bool) -> bytes:
        """The document, gzip-compressed or not."""
        now = self._clock()
        if self._making is None or now.monotonic - self._made_at >= SHARED_SECONDS:
            self._made_at = now.monotonic
            # Of a large fleet it is megabytes: the streams need not wait for it.
            self._making = asyncio.create_task(asyncio.to_thread(self._make, now))
        # A client that leaves takes nothing from the others.
        plain, compressed = await asyncio.shield(self._making)
        return compressed if zipped else plain

    def _make(self, now: Moment) -> tuple[bytes, bytes]:
        recent = self._history.recent(now)
        watts = ((charger_id, _whole(samples)) for charger_id, samples in recent.watts.items())
        plain = msgspec.json.encode(
            {
                "timestamp_seconds": now.unix,
                "times_seconds": [round(seconds, 3) for seconds in recent.times_unix],
                "power_watts": {
                    charger_id: samples for charger_id, samples in watts if samples.count(None) < len(samples)
                },
            }
        )
        return plain, gzip.compress(plain, GZIP_LEVEL, mtime=0)


def _whole(samples: Iterable[float]) -> list[int | None]:
    """Whole watts, which is what can be drawn; None is not known."""
    return [round(watts) if watts < math.inf else None for watts in samples]
