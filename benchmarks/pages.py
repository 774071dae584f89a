"""A process that serves one page twice: as the exporter makes it, and as prometheus-client does.

Both come over HTTP from one event loop, of the same chargers at the same moment.
"""

import asyncio
import gc
import io
import sys
import tempfile
from pathlib import Path

import uvloop
from aiohttp import web

from benchmarks.charging import ChargingFleet
from benchmarks.processes import answer_commands
from benchmarks.reference import Reference
from exporter.commits import Commits
from exporter.logs import create_log
from exporter.scrape import Scrape
from exporter.store import StateStore
from exporter.web import ListenAddress, Web, WebOptions

BEAT_SECONDS = 0.002


class Pages:
    """What the process is told to do."""

    def __init__(self, charging: ChargingFleet, reference: Reference) -> None:
        self._charging = charging
        self._reference = reference
        self._beating: asyncio.Task[None] | None = None
        self._longest = 0.0

    def log(self, every: int) -> int:
        """Every so-many-eth charger has a new log."""
        return self._charging.log(every) if every else 0

    def agree(self) -> None:
        """prometheus-client gets the samples that the exporter shows."""
        self._reference.set(self._charging.now)
        gc.collect()

    async def watch_loop(self) -> None:
        """Begins to watch for how long the loop is held."""
        self._longest = 0.0
        self._beating = asyncio.create_task(self._beat())
        await asyncio.sleep(0.05)

    def longest_hold(self) -> float:
        """Ends watching; returns the longest time, in seconds, that the loop did not turn."""
        assert self._beating
        self._beating.cancel()
        return self._longest

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(BEAT_SECONDS)
            self._longest = max(self._longest, loop.time() - before - BEAT_SECONDS)


async def serve(size: int, folder: Path) -> None:
    """Serves until the input ends."""
    charging = ChargingFleet(size)
    await charging.start()
    charging.log(1)
    reference = Reference(charging.chargers)
    store = StateStore.open(folder)
    log = create_log("error", "logfmt", io.StringIO())
    commits = Commits(store, charging.fleet, log)
    options = WebOptions(listen=(ListenAddress("127.0.0.1", 0),))
    exporter = Web(charging.fleet, Scrape(charging.fleet, commits), options, charging.start, log)
    [address] = await exporter.start()

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=reference.page(), content_type="text/plain")

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await answer_commands(
        {"exporter": address.port, "prometheus_client": runner.addresses[0][1]}, Pages(charging, reference)
    )
    await runner.cleanup()
    await exporter.stop()
    await commits.close(10.0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), Path(folder)))
