"""The power of the last minutes, charger by charger: what the landing page draws.

In memory alone, and of one size for good: no metric is made of it, and what is to be kept is Prometheus' to keep.
"""

import asyncio
import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.metrics.table import power_watts

SAMPLES: Final = 60
INTERVAL_SECONDS: Final = 5.0
SPAN_SECONDS: Final = SAMPLES * INTERVAL_SECONDS
# Chargers sampled before the streams have their turn again: 1 ms.
SAMPLED_AT_ONCE: Final = 2000
# One place more than is read: a sample is half taken while the streams have their turn.
_PLACES: Final = SAMPLES + 1
_UNKNOWN: Final = math.nan


class RecentPower(NamedTuple):
    """The last minutes: when samples were taken (unix seconds), and for each charger its watts then, NaN if unknown."""

    times_unix: list[float]
    watts: Mapping[str, Sequence[float]]


class PowerHistory:
    """Samples what a scrape would show of every charger's power: 240 bytes a charger for five minutes."""

    def __init__(self, chargers: Callable[[], Sequence[Charger]], clock: Callable[[], Moment]) -> None:
        self._chargers = chargers
        self._clock = clock
        # Rings that share their places; times are monotonic seconds.
        self._times = array("d", [-math.inf]) * _PLACES
        self._watts: dict[str, array[float]] = {}
        self._newest = 0

    async def run(self) -> None:
        """Samples at regular intervals, until cancelled."""
        while True:
            await self.sample()
            await asyncio.sleep(INTERVAL_SECONDS)

    async def sample(self) -> None:
        """Takes one sample of every charger; the loop is never held long."""
        chargers = self._chargers()
        place = (self._newest + 1) % _PLACES
        self._times[place] = self._clock().monotonic
        for first in range(0, len(chargers), SAMPLED_AT_ONCE):
            self._sample(chargers[first : first + SAMPLED_AT_ONCE], place)
            await asyncio.sleep(0)
        self._newest = place
        if len(self._watts) > len(chargers):
            for former in self._watts.keys() - {charger.charger_id for charger in chargers}:
                del self._watts[former]

    def recent(self, now: Moment) -> RecentPower:
        """The last minutes as of now; may be called from any thread. Setting the machine's clock moves no sample."""
        newest, rings = self._newest, self._watts.copy()
        after = newest + 1  # the oldest, or one half taken: from there on round the ring, but not itself
        ages = [now.monotonic - seconds for seconds in (self._times[after:] + self._times[:after])[1:]]
        first = sum(age > SPAN_SECONDS for age in ages)
        return RecentPower(
            [now.unix - age for age in ages[first:]],
            {charger_id: (ring[after:] + ring[:after])[1 + first :] for charger_id, ring in rings.items()},
        )

    def _sample(self, chargers: Sequence[Charger], place: int) -> None:
        now = self._clock()
        for charger in chargers:
            ring = self._watts.get(charger.charger_id)
            if ring is None:
                ring = self._watts[charger.charger_id] = array("f", [_UNKNOWN]) * _PLACES
            watts = power_watts(charger, now)
            ring[place] = _UNKNOWN if watts is None else watts
