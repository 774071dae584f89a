"""A charger's stream against a real server, with a record of everything that it delivers."""

import asyncio
import io
import random
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TypeVar

import aiohttp

from exporter.charger.events import (
    GARBLED,
    ChargerDocument,
    Connected,
    ConnectFailed,
    Disconnected,
    Disconnection,
    Event,
)
from exporter.config.load import AccountConfig
from exporter.config.tokens import TokenReader, TokenSource
from exporter.errors import ConnectFailure
from exporter.logs import create_log
from exporter.stream.http_sessions import HttpSessions
from exporter.stream.open_files import OpenFiles
from exporter.stream.services import Service
from exporter.stream.supervisor import ChargerStream
from tests.node.service import Generation
from tests.processes import SECONDS, What, in_vain

CHARGER = "veChargePoint0125896"
TOKEN = "header.payload.signature"

# The suite runs with either client library. Each has servers of its own and of the other generation.
SOCKETIO5 = version("python-socketio").startswith("5.")
NATIVE: Generation = "4" if SOCKETIO5 else "2"
FOREIGN: Generation = "2" if SOCKETIO5 else "4"
# Over websocket, client 5 works with an older server until the first missing ping.
FOREIGN_TRANSPORTS = ("polling",) if SOCKETIO5 else ("websocket", "polling")


async def until(condition: Callable[[], object], what: What, seconds: float = SECONDS) -> None:
    """Wait until `condition` is true, while the stream runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, in_vain(what, seconds)
        await asyncio.sleep(0.01)


def service_at(
    url: str, token: TokenSource, transports: Sequence[str], connect_timeout: float, http: HttpSessions
) -> Service:
    """The service at this URL."""
    account = AccountConfig(
        name="delhi",
        url=url,
        token=token,
        transports=tuple(transports),
        connect_timeout_seconds=connect_timeout,
        chargers=(),
    )
    return Service(account, TokenReader(token), http)


def through_proxy(url: str, transport: str, connector: aiohttp.BaseConnector, proxy: str) -> Service:
    """The service at this URL, to which streams connect through the proxy."""
    http = HttpSessions(connector, SECONDS, proxy)
    return service_at(url, TokenSource(literal=TOKEN), (transport,), SECONDS, http)


Kind = TypeVar("Kind", bound=Event)


class Impatient(random.Random):
    """Draws the shortest wait that is not a busy loop. Another test checks the backoff."""

    def uniform(self, a: float, b: float) -> float:
        return min(a + 0.02, b)


class Resting(random.Random):
    """Draws a wait longer than the test, so that a failure has no second attempt."""

    def uniform(self, _a: float, _b: float) -> float:
        return 3600.0


class Watch:
    """One running stream. `delivered` has its events in order, `log` its log."""

    def __init__(
        self,
        url: str,
        connector: aiohttp.BaseConnector,
        *,
        charger: str = CHARGER,
        token: TokenSource | None = None,
        transports: Sequence[str] = ("websocket",),
        connect_timeout: float = SECONDS,
        handshakes: asyncio.Semaphore | None = None,
        level: str = "debug",
        rng: random.Random | None = None,
        service: Service | None = None,
        open_files: OpenFiles | None = None,
    ) -> None:
        self.delivered: list[Event] = []
        self.log = io.StringIO()
        source = token or TokenSource(literal=TOKEN)
        http = HttpSessions(connector, connect_timeout)
        self.service = service or service_at(url, source, transports, connect_timeout, http)
        self.stream = ChargerStream(
            charger,
            self.service,
            self.delivered.append,
            handshakes or asyncio.Semaphore(10),
            create_log(level, "logfmt", self.log),
            rng or Impatient(),
            open_files=open_files,
        )
        self.task = asyncio.create_task(self.stream.run())

    async def stop(self) -> None:
        """Cancel the stream and wait until it has disconnected."""
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=SECONDS)
        assert self.task.done(), "the stream outlives its cancellation"
        if not self.task.cancelled():
            self.task.result()

    @property
    def connections(self) -> int:
        """The number of connections of the stream."""
        return self.delivered.count(Connected())

    @property
    def failures(self) -> list[ConnectFailure]:
        return [event.reason for event in self.delivered if isinstance(event, ConnectFailed)]

    @property
    def disconnections(self) -> list[Disconnection]:
        return [event.reason for event in self.delivered if isinstance(event, Disconnected)]

    @property
    def garbled(self) -> int:
        return self.delivered.count(GARBLED)

    def received(self, kind: type[Kind]) -> list[Kind]:
        """The events of this type, in order of arrival."""
        return [event for event in self.delivered if isinstance(event, kind)]

    async def until_connected(self, times: int = 1) -> None:
        """Wait until the stream has connected `times` times and received a document each time."""
        await until(lambda: self.connections >= times, lambda: f"connection {times}: {self.log_text()}")
        await until(
            lambda: len(self.received(ChargerDocument)) >= times, lambda: f"document {times}: {self.log_text()}"
        )

    async def until_failed(self, times: int = 1) -> None:
        """Wait until this number of attempts has failed."""
        await until(lambda: len(self.failures) >= times, lambda: f"failure {times}: {self.log_text()}")

    def log_text(self) -> str:
        """The last lines of the log, for the message of a failing test."""
        return self.log.getvalue()[-1000:]
