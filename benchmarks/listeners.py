"""A process that listens to many chargers in one of three ways: `exporter`, `bare` or `threads`.

`bare` is python-socketio's AsyncClient with an empty handler; `threads` is the way that the vendor documents, a Client
a charger with callbacks, which set the gauges of prometheus-client.
"""

import asyncio
import io
import json
import logging
import os
import random
import resource
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
import prometheus_client
import socketio
import uvloop

from benchmarks.processes import answer_commands
from exporter.charger import clock
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import FLEET_PER_SECOND, MAX_HANDSHAKES, MIN_HANDSHAKES_PER_SECOND, Fleet
from exporter.logs import create_log
from exporter.stream.handshake_limit import HandshakeLimit
from exporter.stream.socketio_client import prepare_library
from exporter.stream.tls import event_loop_factory, return_large_buffers


def charger_ids(count: int) -> list[str]:
    """The chargers that are listened to."""
    return [f"veChargePoint{n:07d}" for n in range(count)]


class Listener(Protocol):
    """A way to listen."""

    async def start(self, url: str, group: str, chargers: list[str], authority: Path | None) -> None:
        """Connects to all of them."""

    def logs(self) -> int:
        """The number of logs received."""

    def check(self, logs: int) -> bool:
        """Whether every charger has the right state after this number of logs each."""


class ExporterListener:
    """The exporter's own way, from the socket to the state of the chargers."""

    async def start(self, url: str, group: str, chargers: list[str], authority: Path | None) -> None:
        """See Listener."""
        account = AccountConfig(
            name="delhi",
            url=url,
            token=TokenSource(literal=group),
            transports=("websocket",),
            ca_file=authority,
            chargers=tuple(ChargerConfig(id=charger_id) for charger_id in chargers),
        )
        log = create_log("info", "logfmt", io.StringIO())
        self.fleet = Fleet(ExporterProcess("0", "0", "0"), clock.now, log, random.Random(1))  # noqa: S311
        await self.fleet.reconcile(Config(accounts=(account,)), {})

    def logs(self) -> int:
        """See Listener."""
        return sum(charger.readings.accepted for charger in self.fleet.chargers)

    def check(self, logs: int) -> bool:
        """Whether every reading was accepted, and the total has the energy of the last one."""
        joules = round(round(logs * 0.02, 2) * 3_600_000)
        return all(
            charger.readings.accepted == logs and charger.meter.total_joules == joules
            for charger in self.fleet.chargers
        )


class BareListener:
    """AsyncClient with a handler that only counts."""

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._clients: list[socketio.AsyncClient] = []

    async def start(self, url: str, group: str, chargers: list[str], authority: Path | None) -> None:
        """See Listener."""
        self._counts = [0] * len(chargers)
        # The pace of the exporter: a handshake costs less among many at the same time.
        pace = HandshakeLimit(MAX_HANDSHAKES, max(MIN_HANDSHAKES_PER_SECOND, len(chargers) * FLEET_PER_SECOND))
        context = ssl.create_default_context(cafile=authority) if authority else None

        async def connect(place: int, charger_id: str) -> None:
            # What the client makes by itself, but for the authority that it trusts.
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) if context else None
            client = socketio.AsyncClient(reconnection=False, http_session=session)

            async def new_log(_payload: object) -> None:
                self._counts[place] += 1

            client.on("newLog", new_log)
            self._clients.append(client)
            async with pace:
                await client.connect(f"{url}?token=Bearer%20{group}&chargerId={charger_id}", transports=["websocket"])

        await asyncio.gather(*(connect(place, charger_id) for place, charger_id in enumerate(chargers)))

    def logs(self) -> int:
        """See Listener."""
        return sum(self._counts)

    def check(self, logs: int) -> bool:
        """Whether every charger had this number of logs."""
        return set(self._counts) == {logs}


class ThreadedListener:
    """The vendor's documented way."""

    def __init__(self) -> None:
        registry = prometheus_client.CollectorRegistry()
        self._gauges = {
            name: prometheus_client.Gauge(name, name, ["charger_id"], registry=registry)
            for name in ("voltage", "current", "power", "energy")
        }
        self._chargers = 0
        self._count = 0
        self._lock = threading.Lock()

    async def start(self, url: str, group: str, chargers: list[str], authority: Path | None) -> None:
        """See Listener."""
        assert authority is None, "measured over plain HTTP alone"
        self._chargers = len(chargers)
        for charger_id in chargers:
            await asyncio.to_thread(self._connect, url, group, charger_id)

    def logs(self) -> int:
        """See Listener."""
        return self._count

    def check(self, logs: int) -> bool:
        """None was lost, all are shown. Threads take them in any order, so the gauges need not show the last one."""
        shown = {name: len(next(iter(gauge.collect())).samples) for name, gauge in self._gauges.items()}
        return self._count == logs * self._chargers and set(shown.values()) == {self._chargers}

    def _connect(self, url: str, group: str, charger_id: str) -> None:
        client = socketio.Client(reconnection=False)

        def new_log(payload: str) -> None:
            log: dict[str, Any] = json.loads(payload)
            for name, gauge in self._gauges.items():
                gauge.labels(charger_id).set(float(log[name]))
            with self._lock:
                self._count += 1

        client.on("newLog", new_log)
        client.connect(f"{url}?token=Bearer%20{group}&chargerId={charger_id}", transports=["websocket"])


LISTENERS: Final[dict[str, type[Listener]]] = {
    "exporter": ExporterListener,
    "bare": BareListener,
    "threads": ThreadedListener,
}


class Commands:
    """The commands of the process."""

    def __init__(self, listener: Listener, cpu_before: float) -> None:
        self._listener = listener
        self._cpu_before = cpu_before

    def cpu(self) -> float:
        """CPU seconds since the first handshake began."""
        return _cpu_seconds() - self._cpu_before

    def report(self) -> dict[str, float]:
        """CPU seconds and logs received so far."""
        return {"cpu": _cpu_seconds(), "logs": self._listener.logs(), "at": time.monotonic()}

    def check(self, logs: int) -> bool:
        """Whether the state is right after this number of logs per charger."""
        return self._listener.check(logs)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def listen(way: str, url: str, count: int, authority: Path | None = None) -> None:
    """Listen until the input ends."""
    prepare_library()
    return_large_buffers()
    logging.disable()  # the threaded client logs its end
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    listener = LISTENERS[way]()
    cpu_before = _cpu_seconds()
    await listener.start(url, f"{way}{count}", charger_ids(count), authority)
    await answer_commands(f"{way}{count}", Commands(listener, cpu_before))
    # Streams and threads are not ended one by one.
    os._exit(0)


if __name__ == "__main__":
    factory = event_loop_factory() if sys.argv[1] == "exporter" else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(listen(sys.argv[1], sys.argv[2], int(sys.argv[3]), *map(Path, sys.argv[4:])))
