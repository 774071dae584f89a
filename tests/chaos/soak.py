"""A long run with flapping streams: memory, tasks and open files must not grow, and no energy may be lost.

    python -m tests.chaos.soak --minutes 60 --streams 10000 --tls --log-seconds 10

The whole exporter runs in this process: streams, state file and web side. At first every charger ends two sessions,
after which its state no longer grows. Then the exporter is scraped over HTTP, and reads its configuration again every
minute, each time with another charger left out. Prints a line per minute and the slope of each at the end, the longest
scrape and the longest time for which the event loop was held; exit status 1 if memory, tasks or files rise.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import requests

from benchmarks.processes import memory_bytes
from exporter.app import Exporter, Options, open_store
from exporter.charger.charger import Charger
from exporter.config.load import Config, load
from exporter.gc_tuning import collect_rarely
from exporter.logs import create_log
from exporter.stream.socketio_client import prepare_library
from exporter.stream.tls import event_loop_factory, return_large_buffers
from exporter.web.listening import ListenAddress
from exporter.web.server import WebOptions
from tests.certificates import Authority
from tests.chaos.arrivals import Arrivals, fault_of_total
from tests.chaos.level import Level
from tests.processes import open_files, wait_until
from tests.simulated import JOULES_PER_KWH, SimulatedService
from tests.stream.watch import until

SAMPLE_SECONDS = 2.0
SCRAPE_SECONDS = 15.0
RELOAD_SECONDS = 60.0
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# The share of the streams that lose their connection per second.
FLAPPING = 0.02
MAX_FLAPPING = 200  # per sample: each takes a request to the simulator
# Of the simulator, between two logs of a charger.
LOG_INTERVAL = 60.0
LOOP_SECONDS = 0.01
REST_SECONDS = 900.0
LOOK_SECONDS = 1.0
MEGABYTE = 1_000_000
# The allowed rise of memory from the first third of a run to its end, by its slope: pools and caches vary.
# 10,000 chargers exceed it with glibc's cache for each thread: see docs/benchmarks.md.
MAX_RISE_MEGABYTES = 8.0
# Tasks and files are compared while every stream is connected: in between they vary with the flapping.
MAX_RISE_AT_REST = 10
# Of the streams at rest that may be reconnecting: a session has ended, as sessions do.
RECONNECTING = 0.002
# Of the chargers that may not have what is waited for: their Wi-Fi is down for some minutes.
MISSING = 0.05


class Soak:
    """The exporter in this process, a simulated service in another."""

    def __init__(self, service: SimulatedService, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self._rng = random.Random(1)
        self._left_out: str | None = None
        self._arrivals = Arrivals()
        self.samples: list[tuple[float, float, int, int, int]] = []
        self._scrapes: list[float] = []
        self._longest_hold = 0.0
        self._minutes_told = 0

    async def run(self, seconds: float) -> bool:
        """Return whether nothing grows, and no energy that has arrived is lost."""
        log = create_log("error", "logfmt", sys.stderr)
        options = Options(WebOptions((ListenAddress("127.0.0.1", 0),)), self._folder)
        exporter = Exporter(self._configuration(), self._configuration, options, open_store(options, log), log)
        self._fleet = exporter.fleet
        with self._arrivals.noted():
            return await self._watch(exporter, seconds)

    async def _watch(self, exporter: Exporter, seconds: float) -> bool:
        async with exporter:
            await self._end_two_sessions()
            before = await self._at_rest()
            await asyncio.to_thread(self._scrape, exporter.url)
            loop = asyncio.get_running_loop()
            watch = asyncio.create_task(self._watch_loop())
            started = loop.time()
            cpu = time.process_time()
            reloads = 0
            while (elapsed := loop.time() - started) < seconds:
                if elapsed // RELOAD_SECONDS > reloads:
                    reloads += 1
                    self._left_out = self._rng.choice(self._service.charger_ids)
                    await exporter.reloads.reload()
                await asyncio.to_thread(self._flap)
                if elapsed // SCRAPE_SECONDS >= len(self._scrapes):
                    self._sample(elapsed)
                    await asyncio.to_thread(self._scrape, exporter.url)
                await asyncio.sleep(SAMPLE_SECONDS)
            watch.cancel()
            cores = (time.process_time() - cpu) / (loop.time() - started)
            self._left_out = None
            await exporter.reloads.reload()
            after = await self._at_rest()
            is_level = self._tell(before, after)
            print(f"{len(self._scrapes)} scrapes, the longest {max(self._scrapes):.2f} s; {reloads + 1} reloads")
            print(
                f"the event loop was held for {self._longest_hold:.2f} s at most; {cores:.2f} cores, scraping included"
            )
            return await self._is_exact() and is_level

    async def _end_two_sessions(self) -> None:
        """End two sessions of every charger, and begin a third.

        Afterwards a charger has more values of its own: the previous session, and lines of the page that were the same
        for all chargers before.
        """
        await self._at_rest()
        await asyncio.to_thread(self._service.act, "on")
        await self._each_once(lambda charger: charger.meter.session_began_unix is not None, "energy")
        for ended in range(1, 3):
            # The service ends the connection with the session. So the exporter does not see the switch to ON, whose
            # time would be that of its own clock: the service's may run many times as fast.
            for action in ("off", "on"):
                await asyncio.to_thread(self._service.act, action)
            await self._each_once(partial(_has_lost, ended), f"end of {ended} sessions")
            await self._at_rest()

    async def _each_once(self, is_so: Callable[[Charger], bool], what: str) -> None:
        """Wait until it has been so for nearly every charger, even if it no longer is.

        On a busy machine, the first sessions end before the last ones begin.
        """
        missing = set(self._fleet.chargers)

        def are_few() -> bool:
            missing.difference_update([charger for charger in missing if is_so(charger)])
            return len(missing) <= len(self._fleet.chargers) * MISSING

        await until(are_few, f"{what} of every charger", REST_SECONDS)

    def _configuration(self) -> Config:
        chargers = [name for name in self._service.charger_ids if name != self._left_out]
        account: dict[str, Any] = {**self._service.account("soak"), "chargers": chargers}
        if self._service.authority:
            account["ca_file"] = str(self._service.authority)
        # Loaded from a file: otherwise the exporter takes the token file for a change, and reloads again and again.
        file = self._folder.with_suffix(".yml")
        file.write_text(json.dumps({"accounts": [account]}))
        return load(file)

    async def _watch_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            slept = loop.time()
            await asyncio.sleep(LOOP_SECONDS)
            self._longest_hold = max(self._longest_hold, loop.time() - slept - LOOP_SECONDS)

    def _scrape(self, url: str) -> None:
        # In OpenMetrics and with gzip, as Prometheus; a new connection for each scrape costs more than with Prometheus.
        asked = time.monotonic()
        page = requests.get(f"{url}/metrics", headers={"Accept": OPENMETRICS}, timeout=60)
        self._scrapes.append(time.monotonic() - asked)
        page.raise_for_status()
        assert page.content.endswith(b"# EOF\n")

    def _is_connected(self, reconnecting: float) -> bool:
        chargers = self._fleet.chargers
        return sum(not charger.stream.connected for charger in chargers) <= len(chargers) * reconnecting

    def _flap(self) -> None:
        names = self._service.charger_ids
        flapping = round(len(names) * FLAPPING * SAMPLE_SECONDS)
        for name in self._rng.sample(names, min(MAX_FLAPPING, max(1, flapping))):
            self._service.act("drop", name)

    def _sample(self, elapsed: float) -> None:
        # Not Level.now(), which collects garbage: that holds the event loop for longer than the exporter ever does.
        tasks, files, blocks = len(asyncio.all_tasks()), open_files(), sys.getallocatedblocks()
        resident = memory_bytes(os.getpid()) / MEGABYTE
        self.samples.append((elapsed, resident, tasks, files, blocks))
        if elapsed // 60 >= self._minutes_told:
            self._minutes_told += 1
            level = f"{resident:7.1f} MB  {tasks:5d} tasks  {files:5d} files  {blocks:8d} blocks"
            print(f"{elapsed:6.0f} s  {level}", flush=True)

    async def _at_rest(self, reconnecting: float = RECONNECTING) -> Level:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REST_SECONDS
        while not self._is_connected(reconnecting):
            assert loop.time() < deadline, f"not within {REST_SECONDS:g} s: every stream connected"
            await asyncio.sleep(LOOK_SECONDS)
        return Level.now()

    def _tell(self, before: Level, after: Level) -> bool:
        """Print the slopes; return whether nothing has grown."""
        steady = self.samples[len(self.samples) // 3 :]
        times = [sample[0] for sample in steady]
        lost = sum(charger.stream.disconnections for charger in self._fleet.chargers)
        print(f"{len(self._fleet.chargers)} streams, {times[-1]:.0f} s, {lost} connections lost")
        peak = memory_bytes(os.getpid(), "VmHWM") / MEGABYTE
        first, last = self.samples[0][1], self.samples[-1][1]
        print(f"memory: {first:.0f} MB at first, {last:.0f} MB at last, {peak:.0f} MB at most")
        rises = []
        for place, name in enumerate(("MB of memory", "tasks", "open files", "blocks of Python"), start=1):
            slope = statistics.linear_regression(times, [sample[place] for sample in steady]).slope
            rises.append(slope * (times[-1] - times[0]))
            print(f"slope: {slope * 60:+.3f} {name} per minute")
        tasks, files = after.tasks - before.tasks, after.files - before.files
        print(f"rise: {rises[0]:+.1f} MB (at most {MAX_RISE_MEGABYTES:g}), at rest {tasks:+d} tasks, {files:+d} files")
        max_at_rest = MAX_RISE_AT_REST + 4 * len(self._fleet.chargers) * RECONNECTING
        return rises[0] <= MAX_RISE_MEGABYTES and max(tasks, files) <= max_at_rest

    async def _is_exact(self) -> bool:
        await asyncio.to_thread(self._service.act, "pause")
        await self._at_rest(reconnecting=0)
        # Each charger that is on sends a log, which has the energy of all that its session lost.
        await asyncio.to_thread(self._service.act, "log")
        truth = await asyncio.to_thread(self._service.totals)

        def wrong() -> dict[str, str]:
            """What is wrong with each total."""
            found = {}
            for charger in self._fleet.chargers:
                name, row = charger.charger_id, truth[charger.charger_id]
                true_joules = round(row["total_kwh"] * JOULES_PER_KWH)
                total = charger.meter.total_joules or 0
                is_first = row["status"] == "ON" and row["sessions"] == 1
                fault = fault_of_total(
                    total, true_joules, self._arrivals.of[name], row["logs_sent"], is_first_session=is_first
                )
                if fault is not None:
                    found[name] = fault
            return found

        try:
            await until(lambda: not wrong(), lambda: f"totals that are right; wrong: {wrong()}", 120.0)
        except AssertionError as error:
            print(f"energy lost: {error}")
            return False
        sent = sum(row["logs_sent"] for row in truth.values())
        lost = sent - sum(self._arrivals.of[name].logs for name in truth)
        print(f"energy: {len(truth)} totals have all that arrived; {lost} of {sent} logs were lost with a connection")
        return True


def _has_lost(connections: int, charger: Charger) -> bool:
    return charger.stream.disconnections >= connections


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--log-seconds", type=float, default=1.0, help="between two logs of a charger")
    options = parser.parse_args()
    # As the program does.
    prepare_library()
    return_large_buffers()
    collect_rarely()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        served: dict[str, Any] = {}
        if options.tls:
            authority = Authority(folder)
            certificate, key = authority.issue("service")
            served = {"authority": authority.file, "tls_cert": certificate, "tls_key": key}
        served |= {"speed": LOG_INTERVAL / options.log_seconds, "log_interval": LOG_INTERVAL}
        with (
            SimulatedService(folder, chargers=options.streams, seed=1, **served) as service,
            asyncio.Runner(loop_factory=event_loop_factory()) as runner,
        ):
            wait_until(lambda: service.process.running, "the service")
            return 0 if runner.run(Soak(service, folder / "state").run(options.minutes * 60)) else 1


if __name__ == "__main__":
    sys.exit(main())
