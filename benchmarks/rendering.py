"""A process that renders fleets of two sizes in turn, and one that measures the memory per charger."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Sequence
from statistics import median

import uvloop

from benchmarks.charging import ChargingFleet
from benchmarks.processes import answer_commands, memory_bytes
from exporter.metrics.piece import Piece


class Rendering:
    """The commands of the process."""

    def __init__(self) -> None:
        self._fleets: list[ChargingFleet] = []

    async def grow(self, size: int) -> float:
        """Makes a fleet and its page; returns by how many bytes the process has grown."""
        gc.collect()
        before = memory_bytes(os.getpid())
        charging = ChargingFleet(size)
        await charging.start()
        charging.log(1)
        assert _chargers(await charging.fleet.page.pieces(openmetrics=False, wait_for_commit=_no_commit)) == size
        gc.collect()
        self._fleets.append(charging)
        return memory_bytes(os.getpid()) - before

    async def render(self, fleet: int, times: int) -> float:
        """The median of the seconds to render a fleet in which every charger has had a log."""
        charging = self._fleets[fleet]
        seconds = []
        for _ in range(times):
            logs = charging.log(1)
            started = time.perf_counter()
            pieces = await charging.fleet.page.pieces(openmetrics=False, wait_for_commit=_no_commit)
            seconds.append(time.perf_counter() - started)
            assert _chargers(pieces) == logs
        return median(seconds)


async def _no_commit(_ready: Sequence[Piece]) -> None:
    """Return: the totals on disk are rendered."""


def _chargers(pieces: Sequence[Piece]) -> int:
    """How many of them a page shows the power of."""
    return sum(piece.text.count(b'vecharge_charger_power_watts{charger_id="') for piece in pieces)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer_commands(sys.argv[1:], Rendering()))
