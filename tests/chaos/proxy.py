"""A TCP proxy between exporter and service that simulates network faults."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from exporter.simulator.server import stop_listening

if TYPE_CHECKING:
    import ssl

CHUNK_BYTES = 65_536

# Handles a client instead of the service, until it returns.
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Proxy:
    """Forwards connections from `port` to the service at `upstream_port`; as a context manager it stops with its block.

    Its attributes apply to open and new connections, except `tls`, which applies at the next `listen`.
    """

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        # The delay of every piece, and the rate limit, in each direction.
        self.delay = 0.0
        self.bytes_per_second = float("inf")
        # Half-open: connections are kept and accepted, and nothing is forwarded, not even the end of a connection.
        self.is_silent = False
        # Changes the bytes of the service.
        self.corrupt: Callable[[bytes], bytes] | None = None
        self.answer: Answer | None = None
        self.accepted = 0
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.die()

    async def listen(self) -> None:
        """Accept connections, at the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """Break every connection and accept no more."""
        if self._server is not None:
            await stop_listening(self._server)
        self.cut()
        for task in (serving := set(self._serving)):
            task.cancel()
        if serving:
            await asyncio.wait(serving)

    def cut(self) -> None:
        """Reset every connection, without closing TCP or TLS."""
        for writer in self._serving.values():
            writer.transport.abort()

    @property
    def open_connections(self) -> int:
        return len(self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        self.accepted += 1
        try:
            await (self.answer or self._forward)(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side disconnected, or the proxy stops: both are expected
        finally:
            del self._serving[task]
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service, to_service = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        up = asyncio.create_task(self._pump(reader, to_service))
        down = asyncio.create_task(self._pump(service, writer, is_from_service=True))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if self.is_silent:
                await up
        finally:
            # First, since the wait below may be cancelled when the proxy stops.
            to_service.close()
            for pump in (up, down):
                pump.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_from_service: bool = False
    ) -> None:
        while piece := await reader.read(CHUNK_BYTES):
            await asyncio.sleep(self.delay + len(piece) / self.bytes_per_second)
            if self.is_silent:
                continue
            if self.corrupt is not None and is_from_service:
                piece = self.corrupt(piece)
            writer.write(piece)
            await writer.drain()
