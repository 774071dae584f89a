"""Connections: how much one may take before it is ended, and how one listener makes room for the next."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from exporter.logs import Log
from exporter.web.accepting import Acceptor

# What is being answered when the program ends may still go out.
SHUTDOWN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take before its connection is ended."""

    # Between two requests, and until the head of one is whole. A scrape interval of a minute keeps its connection.
    idle_seconds: float = 75.0
    # To take an answer in; and what a connection has to come to its end after a change of the configuration.
    answer_seconds: float = 30.0
    handshake_seconds: float = 10.0
    header_bytes: int = 8190
    headers: int = 64
    # Open files are for streams first: of more connections, the oldest that is not being answered has to go.
    connections: int = 256


class Listener:
    """A site, answering on duplicates of bound sockets. `headers` are those that a refusal of no HTTP carries.

    Its end leaves the sockets, and the connections that wait in their queues, to the next listener.
    """

    def __init__(
        self, site: web.Application, headers: Callable[[], Mapping[str, str]], limits: Limits, log: Log
    ) -> None:
        self._runner = web.AppRunner(site, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._limits = limits
        self.log = log
        self._tls: ssl.SSLContext | None = None
        self._acceptors: list[Acceptor] = []
        # Over TLS it lasts until a connection is one.
        self._arriving: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        # As they came, with those that still shake hands: dicts keep their order.
        self._connections: dict[Connection, None] = {}
        self.headers = headers
        self.is_leaving = False

    async def start(self, sockets: Iterable[socket.socket], tls: ssl.SSLContext | None) -> None:
        """Answers from now on, over TLS if there is a context for it."""
        await self._runner.setup()
        self._tls = tls
        for bound in sockets:
            own = bound.dup()
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                # The kernel ends what a client does not take in, also after a close; connections inherit it.
                own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._limits.answer_seconds * 1000))
            self._acceptors.append(Acceptor(own, self._take, self._make_room, self.log))

    async def leave(self) -> None:
        """Takes no more connections; returns when those that there are have ended: idle ones at once, others after
        their answer, or when that took too long.
        """
        self.is_leaving = True
        self._close()
        if self._arriving:
            await asyncio.wait(self._arriving)  # at most as long as a handshake may take
        for connection in list(self._connections):
            if connection.is_idle:
                connection.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.answer_seconds):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()

    async def stop(self) -> None:
        """Ends all connections; what is being answered has a second."""
        self._close()
        for connection in self._connections:
            if connection.is_arriving:
                connection.end()
        if self._arriving:
            await asyncio.wait(self._arriving)
        await self._runner.cleanup()

    def left(self, connection: "Connection") -> None:
        """A connection has ended."""
        self._connections.pop(connection, None)
        if not self._connections:
            self._empty.set()
        for acceptor in self._acceptors:
            asyncio.get_running_loop().call_soon(acceptor.set_spare_aside)  # its file is closed after this

    def _close(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        self._acceptors.clear()

    def _make_room(self) -> None:
        """Ends the oldest connection that is not being answered."""
        oldest = next((connection for connection in self._connections if not connection.is_needed), None)
        if oldest is not None:
            del self._connections[oldest]  # at once: of many that come together each makes its own room
            oldest.end()

    def _take(self, client: socket.socket) -> None:
        connection = self._connection(client)
        self._connections[connection] = None
        if len(self._connections) > self._limits.connections:
            self._make_room()
        arriving = asyncio.get_running_loop().create_task(self._arrive(connection, client), name="connection arriving")
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arriving.discard)

    async def _arrive(self, connection: "Connection", client: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._tls,
                ssl_handshake_timeout=self._limits.handshake_seconds if self._tls else None,
            )
        except OSError:
            self.left(connection)  # a handshake that fails is the client's own affair

    def _connection(self, client: socket.socket) -> "Connection":
        assert self._runner.server is not None
        limits = self._limits
        return Connection(
            self,
            client,
            self._runner.server,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=limits.idle_seconds,
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            max_headers=limits.headers,
        )


class Connection(web.RequestHandler):
    """A connection that knows whether it is needed, and that refuses what is no HTTP in one line."""

    __slots__ = ("_client", "_has_answered", "_listener", "is_arriving", "is_needed")

    def __init__(self, listener: Listener, client: socket.socket, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._listener = listener
        self._client = client
        # Until the TLS handshake is done, if there is one.
        self.is_arriving = True
        self.is_needed = False
        self._has_answered = False

    @property
    def is_idle(self) -> bool:
        """Whether it is kept for later requests. One that has not asked yet is not: its client would get no answer."""
        return self._has_answered and not self.is_needed

    @property
    def is_leaving(self) -> bool:
        """Whether the next answer is the last one."""
        return self._listener.is_leaving

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While it lasts, the connection is needed."""
        self.is_needed = True
        try:
            yield
        finally:
            self.is_needed = False
            self._has_answered = True

    def end(self) -> None:
        """Ends it, wherever it stands."""
        if self.is_arriving:
            with suppress(OSError):  # the client may have left by itself
                self._client.shutdown(socket.SHUT_RDWR)
        self.force_close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As in asyncio."""
        super().connection_made(transport)
        self.is_arriving = False

    def connection_lost(self, exc: BaseException | None) -> None:
        """As in asyncio."""
        super().connection_lost(exc)
        self._listener.left(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """aiohttp's own logs every scanner that comes by, and quotes what it sent. Ours logs our own faults alone."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(exc, ConnectionError):
            self._listener.log.error("internal error while answering a request", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun: another one cannot follow")
        response = plain(status)
        response.headers.update(self._listener.headers())
        response.force_close()
        return response


def plain(status: int, text: str | None = None) -> web.Response:
    """An answer in one line."""
    return web.Response(status=status, text=f"{text or f'{status} {HTTPStatus(status).phrase}'}\n")
