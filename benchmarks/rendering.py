"""A process that renders fleets of two sizes in turn, and one that tells what a charger takes of memory."""

import asyncio
import gc
import os
import sys
import time

import uvloop

from benchmarks.charging import ChargingFleet
from benchmarks.processes import answer_commands, memory_bytes


class Rendering:
    """What the process is told to do."""

    def __init__(self) -> None:
        self._fleets: list[ChargingFleet] = []

    async def grow(self, size: int) -> float:
        """Makes a fleet and its page; returns by how many bytes the process has grown."""
        gc.collect()
        before = memory_bytes(os.getpid())
        charging = ChargingFleet(size)
        await charging.start()
        charging.log(1)
        pieces = await charging.fleet.pieces(openmetrics=False)
        assert sum(
            piece.count(b"\nvecharge_charger_up{") + piece.startswith(b"vecharge_charger_up{") for piece in pieces
        )
        del pieces
        gc.collect()
        self._fleets.append(charging)
        return memory_bytes(os.getpid()) - before

    async def render(self, fleet: int, times: int) -> float:
        """Seconds a charger to render a fleet of which every charger has had a log, the median of so many times."""
        charging = self._fleets[fleet]
        seconds = []
        for _ in range(times):
            logs = charging.log(1)
            started = time.perf_counter()
            await charging.fleet.pieces(openmetrics=False)
            seconds.append((time.perf_counter() - started) / logs)
        return sorted(seconds)[times // 2]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer_commands(sys.argv[1:], Rendering()))
