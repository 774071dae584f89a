"""A running site over chargers that a test controls, and a client that adds no headers."""

import asyncio
import base64
import random
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from exporter.charger.charger import Charger
from exporter.charger.clock import now
from exporter.charger.events import Event
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import Fleet
from exporter.logs import create_log
from exporter.metrics.piece import Piece
from exporter.stream.supervisor import ChargerStream
from exporter.web.compression import IDENTITY, compressed
from exporter.web.listening import ListenAddress
from exporter.web.scrape import Scrape
from exporter.web.server import Web, WebOptions
from exporter.web.sessions_api import SessionsDocument

if TYPE_CHECKING:
    import ssl

ANY_PORT = ListenAddress("127.0.0.1", 0)
SECRET = "SecretToken"


def basic(user: str, password: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Pages(Scrape):
    """A scrape that returns only the name of its format. A test can block it and set its size."""

    def __init__(self) -> None:
        self.made = 0
        self.text = b"in text"
        self.open = asyncio.Event()
        self.open.set()

    async def page(self, *, openmetrics: bool, encoding: str = IDENTITY) -> list[bytes]:
        self.made += 1
        await self.open.wait()
        text = b"in OpenMetrics" if openmetrics else self.text
        pieces = [Piece(text[:3]), Piece(text[3:])]
        return compressed(pieces, encoding)


class SilentStream(ChargerStream):
    """A stream without events."""

    async def run(self) -> None:
        await asyncio.Event().wait()


class Log:
    """The lines of the log."""

    def __init__(self) -> None:
        self._text = ""

    @property
    def lines(self) -> list[str]:
        return self._text.splitlines()

    def write(self, text: str) -> int:
        self._text += text
        return len(text)

    def flush(self) -> None:
        pass


class Site:
    """A site that runs inside `async with`; `chargers` are (id, name)."""

    def __init__(
        self,
        chargers: Sequence[tuple[str, str | None]] = (),
        state_file: Path = Path("not there/state.db"),
        **options: Any,
    ) -> None:
        self.log = Log()
        log = create_log("info", "logfmt", self.log)  # type: ignore[arg-type]
        process = ExporterProcess("1.2.3", "3.13.1", "4.6.1")
        self.fleet = Fleet(process, now, log, random.Random(1), SilentStream)
        self._config = Config(
            accounts=(
                AccountConfig(
                    name="delhi",
                    url="http://127.0.0.1:9",
                    token=TokenSource(literal=SECRET),
                    chargers=tuple(ChargerConfig(id=charger_id, name=name) for charger_id, name in chargers),
                ),
            )
        )
        self.pages = Pages()
        self.reloads = 0
        self.reload_error: Exception | None = None
        web_options = WebOptions(**{"listen": (ANY_PORT,), **options})
        self.web = Web(self.fleet, self.pages, SessionsDocument(state_file), web_options, self._reload, log)
        self.url = ""
        self.port = 0
        # The TLS settings of its client.
        self.trusting: ssl.SSLContext | bool = True

    async def __aenter__(self) -> Self:
        await self.fleet.reconcile(self._config, {})
        self.addresses = await self.web.start()
        self.url = f"{'https' if self.web.is_encrypted else 'http'}://{self.addresses[0]}"
        self.port = self.addresses[0].port
        bare = ["Accept", "Accept-Encoding", "User-Agent"]
        self.session = aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=bare)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()
        await self.web.stop()
        await self.fleet.stop()

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        """The response and its body; header names have _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.url + path, headers=named, ssl=self.trusting) as response:
            return response, await response.read()

    def deliver(self, charger_id: str, *events: Event) -> Charger:
        """Deliver events of a charger's stream."""
        (charger,) = [charger for charger in self.fleet.chargers if charger.charger_id == charger_id]
        for event in events:
            charger.apply(event, now())
        return charger

    async def _reload(self) -> None:
        self.reloads += 1
        if self.reload_error is not None:
            raise self.reload_error
