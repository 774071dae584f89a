"""A process that serves the page of a charging fleet: `exporter` as the exporter makes it, `reference` as
prometheus-client does.

Two of them with the same commands show the same samples: the events of the fleet depend only on its seed.
"""

import asyncio
import gzip
import io
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from aiohttp import web

from benchmarks.charging import ChargingFleet
from benchmarks.processes import answer_commands
from benchmarks.reference import Reference
from exporter.charger.changes import Changes
from exporter.charger.process_stats import ExporterProcess
from exporter.gc_tuning import collect_rarely
from exporter.logs import create_log
from exporter.state.committer import Commits
from exporter.state.store import StateStore
from exporter.web.listening import ListenAddress
from exporter.web.scrape import Scrape
from exporter.web.server import Web, WebOptions
from exporter.web.sessions_api import SessionsDocument

BEAT_SECONDS = 0.002


class Pages:
    """The commands of the process."""

    def __init__(self, charging: ChargingFleet, reference: Reference | None, commits: Commits | None) -> None:
        self._charging = charging
        self._reference = reference
        self._commits = commits
        self._beating: asyncio.Task[None] | None = None
        self._longest = 0.0

    def log(self, every: int) -> int:
        """Every nth charger has a new log, with 0 none; returns their number."""
        logs = self._charging.log(every) if every else 0
        if self._reference is not None:
            for charger in self._charging.chargers:
                charger.saved(charger.meter.state().totals, ())
            self._reference.set(self._charging.now)
        return logs

    async def commit(self) -> float:
        """Commit what has changed; returns the seconds that it takes."""
        assert self._commits
        started = time.perf_counter()
        await self._commits.commit()
        return time.perf_counter() - started

    async def reload(self) -> bool:
        """Discard everything cached of the page."""
        await self._charging.reload()
        return True

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


async def serve(kind: str, size: int, folder: Path) -> None:
    """Serves until the input ends."""
    collect_rarely()  # as the program does, for both sides
    await (_serve_exporter(size, folder) if kind == "exporter" else _serve_reference(size))


async def _serve_exporter(size: int, folder: Path) -> None:
    log = create_log("error", "logfmt", io.StringIO())
    store = StateStore.open(folder)
    process = ExporterProcess("0", "0", "0")
    commits = Commits(store, process, log)
    charging = ChargingFleet(size, process=process, changes=Changes(commits.add))
    await charging.start()
    charging.log(1)
    options = WebOptions(listen=(ListenAddress("127.0.0.1", 0),))
    scrape, sessions = Scrape(charging.fleet, commits), SessionsDocument(store.file)
    exporter = Web(charging.fleet, scrape, sessions, options, charging.start, log)
    [address] = await exporter.start()
    await answer_commands(address.port, Pages(charging, None, commits))
    await exporter.stop()
    await commits.close(10.0)


async def _serve_reference(size: int) -> None:
    charging = ChargingFleet(size)
    await charging.start()
    charging.log(1)
    reference = Reference(charging.chargers)

    async def metrics(request: web.Request) -> web.Response:
        page = reference.page()
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=page, content_type="text/plain")
        # As prometheus_client.exposition does.
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(page), content_type="text/plain", headers=headers)

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await answer_commands(runner.addresses[0][1], Pages(charging, reference, None))
    await runner.cleanup()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2]), Path(folder)))
