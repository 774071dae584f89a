"""The simulator as a server: start and stop the service and its HTTP side."""

import asyncio
import contextlib
import ssl
from typing import Self

from aiohttp import web

from exporter.simulator.control import application
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.service import Service

# The time limit for open requests at a stop.
SHUTDOWN_SECONDS = 0.5
BACKLOG = 4096


async def stop_listening(listener: asyncio.Server) -> None:
    """Accept no more connections.

    asyncio never closes a connection that it accepted in the turn of the loop in which the listener closes
    (https://github.com/python/cpython/issues/109564), so accepting ends one turn before.
    """
    for listening in listener.sockets:
        asyncio.get_running_loop().remove_reader(listening)
    await asyncio.sleep(0)
    listener.close()


class Simulator:
    """A veCharge service on this machine. Use it with `async with`, or `start` and `stop`, once.

    Raises OSError if certificate or key cannot be read.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        self._options = options
        self._tls: ssl.SSLContext | None = None
        if options.tls_cert is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(options.tls_cert, options.tls_key)
        self._port = options.port
        self.service = Service(options)
        self._runner = web.AppRunner(
            application(self.service, self.restart), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )
        self._listener: asyncio.Server | None = None
        self._running: asyncio.Task[None] | None = None
        self._restart: asyncio.Task[None] | None = None

    @property
    def token(self) -> str:
        """The token that is accepted now."""
        return self.service.tokens.token

    @property
    def seed(self) -> int:
        """The seed: another simulator with it has the same sessions."""
        return self.service.seed

    @property
    def charger_ids(self) -> list[str]:
        """The chargers that are simulated."""
        return list(self.service.chargers)

    @property
    def names(self) -> dict[str, str]:
        """Names of the chargers, by id: their districts."""
        sites = {charger_id: served.charger.site for charger_id, served in self.service.chargers.items()}
        return {charger_id: site.address.partition(",")[0] for charger_id, site in sites.items()}

    @property
    def url(self) -> str:
        """The URL of the service; with port 0, only after the start."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    async def start(self) -> None:
        """Listen and run the chargers; raise OSError if the address cannot be used."""
        await self._runner.setup()
        try:
            await self._listen()
        except OSError:
            await self._runner.cleanup()
            raise
        self.service.clock.start()
        self._running = asyncio.create_task(self.service.run(), name="simulator")

    async def stop(self) -> None:
        """Stop the service. Streams end without a disconnect packet, as when a machine crashes."""
        for task in (self._running, self._restart):
            if task:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._stop_listening()
        await self.service.streams.stop()
        await self._runner.cleanup()

    def restart(self, seconds: float) -> None:
        """Close every connection and accept none for `seconds`. The chargers continue."""
        if self._restart is None or self._restart.done():
            self._restart = asyncio.create_task(self._close_and_reopen(seconds), name="simulator restart")

    async def _close_and_reopen(self, seconds: float) -> None:
        await self._stop_listening()
        await self.service.streams.drop_all()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        assert self._runner.server is not None
        self._listener = await asyncio.get_running_loop().create_server(
            self._runner.server, self._options.host, self._port, backlog=BACKLOG, ssl=self._tls
        )
        # Keep a free port that was found across a restart.
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._listener:
            await stop_listening(self._listener)
            self._listener = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
