"""Where the web side listens, and how much a connection may take before it is ended."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from exporter.errors import ListenError, cause_of

BACKLOG: Final = 1024
# What is being answered when the program ends may still go out.
SHUTDOWN_SECONDS: Final = 1.0
_NO_SUCH_FAMILY: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; the host None is every address of the machine, port 0 any free port."""

    host: str | None
    port: int

    def __str__(self) -> str:
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take before its connection is ended."""

    # Between two requests, and until the head of one is whole. A scrape interval of a minute keeps its connection.
    idle_seconds: float = 75.0
    # To take an answer in.
    answer_seconds: float = 30.0
    handshake_seconds: float = 10.0
    header_bytes: int = 8190
    headers: int = 64


def bind(address: ListenAddress) -> list[socket.socket]:
    """Listening sockets, one an address that the host stands for; raises ListenError."""
    try:
        return [_every_address(address.port)] if address.host is None else _named(address.host, address.port)
    except OSError as error:
        raise ListenError(
            f"cannot listen on {address} ({cause_of(error)}): choose another --web.listen-address"
        ) from error


def _every_address(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        except OSError as error:
            # A kernel that knows IPv6 and was told not to speak it.
            if error.errno not in _NO_SUCH_FAMILY:
                raise
    return socket.create_server(("", port), backlog=BACKLOG)


def _named(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with ExitStack() as undo:
        bound: list[socket.socket] = []
        missing: OSError | None = None
        for family, _, _, _, place in dict.fromkeys(found):
            try:
                # Port 0 is the same free port on every address of a name.
                taken = bound[0].getsockname()[1] if bound else port
                one = socket.create_server((place[0], taken, *place[2:]), family=family, backlog=BACKLOG)
            except OSError as error:
                # "localhost" is two addresses even where there is no IPv6.
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
            else:
                undo.callback(one.close)
                bound.append(one)
        if missing is not None and not bound:
            raise missing
        undo.pop_all()
    return bound


class Listener:
    """A site, answering on duplicates of bound sockets.

    Its end leaves the sockets, and the connections that wait in their queues, to the next listener.
    """

    def __init__(self, site: web.Application, headers: Mapping[str, str], limits: Limits) -> None:
        self._runner = web.AppRunner(site, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._headers = headers
        self._limits = limits
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: Iterable[socket.socket], tls: ssl.SSLContext | None) -> None:
        """Answers from now on, over TLS if there is a context for it."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        for bound in sockets:
            own = bound.dup()
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                # The kernel ends what a client does not take in, also after a close; connections inherit it.
                own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._limits.answer_seconds * 1000))
            self._servers.append(
                await loop.create_server(
                    self._connection,
                    sock=own,
                    ssl=tls,
                    ssl_handshake_timeout=self._limits.handshake_seconds if tls else None,
                    backlog=BACKLOG,
                )
            )

    def close(self) -> None:
        """Takes no more connections."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def stop(self) -> None:
        """Ends all connections; what is being answered has a second."""
        self.close()
        await self._runner.cleanup()

    def _connection(self) -> "_Connection":
        assert self._runner.server is not None
        limits = self._limits
        return _Connection(
            self._runner.server,
            self._headers,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=limits.idle_seconds,
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            max_headers=limits.headers,
        )


class _Connection(web.RequestHandler):
    """A connection that refuses what is no HTTP in one line, with the headers that every answer has."""

    __slots__ = ("_headers",)

    def __init__(self, server: web.Server, headers: Mapping[str, str], **options: Any) -> None:
        super().__init__(server, **options)
        self._headers = headers

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp's own logs every scanner that comes by, and quotes what it sent."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            super().handle_error(request, status, exc, message)  # logs our own faults
        response = plain(status)
        response.headers.update(self._headers)
        response.force_close()
        return response


def plain(status: int, text: str | None = None) -> web.Response:
    """An answer in one line."""
    return web.Response(status=status, text=f"{text or f'{status} {HTTPStatus(status).phrase}'}\n")
