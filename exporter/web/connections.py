"""HTTP connections: aiohttp's server with limits, and with our own response to invalid requests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice

from aiohttp import web

from exporter.logs import Log

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Refuse = Callable[[int], web.Response]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a connection."""

    # Between two requests, and until the head of one is complete. A scrape interval of a minute keeps its connection.
    idle_seconds: float = 75.0
    # Until the client has read an answer.
    answer_seconds: float = 30.0
    handshake_seconds: float = 10.0
    header_bytes: int = 8190
    headers: int = 64
    # The other open files are for streams.
    connections: int = 256


class HttpServer(web.Server):
    """Answers requests with `answer`, and those that are not HTTP or that fail with `refuse`."""

    def __init__(self, answer: Answer, refuse: Refuse, limits: Limits, log: Log) -> None:
        super().__init__(self._answer_request)
        self._answer = answer
        self._answering: set[web.RequestHandler] = set()
        self.refuse = refuse
        self.limits = limits
        self.log = log

    def __call__(self) -> web.RequestHandler:
        """Return a protocol for a new connection, as `loop.create_server` expects."""
        return _Connection(self)

    def make_room(self) -> None:
        """Close the oldest connections that wait for a request, as long as there are too many."""
        # A connection that is being closed has no transport.
        kept = [connection for connection in self.connections if connection.transport is not None]
        idle = (connection for connection in kept if connection not in self._answering)
        for connection in islice(idle, max(0, len(kept) - self.limits.connections)):
            assert isinstance(connection.transport, asyncio.Transport)
            # Not `close`, which waits for an answer of the client over TLS.
            connection.transport.abort()
            connection.force_close()

    async def _answer_request(self, request: web.BaseRequest) -> web.StreamResponse:
        self._answering.add(request.protocol)
        try:
            return await self._answer(request)
        finally:
            self._answering.discard(request.protocol)


class _Connection(web.RequestHandler):
    __slots__ = ("_server",)

    def __init__(self, server: HttpServer) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # what aiohttp's own runner passes
            keepalive_timeout=server.limits.idle_seconds,
            max_line_size=server.limits.header_bytes,
            max_field_size=server.limits.header_bytes,
            max_headers=server.limits.headers,
        )
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make room for the new connection."""
        super().connection_made(transport)
        self._server.make_room()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Respond in one line. aiohttp's own method logs every invalid request with its content."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(exc, ConnectionError):
            self._server.log.error("internal error while answering a request", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("cannot answer twice")
        response = self._server.refuse(status)
        response.force_close()
        return response


def plain(status: int, text: str | None = None, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a response of one line of text."""
    return web.Response(status=status, text=f"{text or f'{status} {HTTPStatus(status).phrase}'}\n", headers=headers)
