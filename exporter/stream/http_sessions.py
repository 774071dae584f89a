"""The HTTP sessions of an account's streams, which keep evidence of a handshake that the client library hides."""

from contextvars import ContextVar
from typing import Any, Final

import aiohttp

from exporter.errors import release_frames
from exporter.stream.diagnosis import FIRST_REFUSAL, HandshakeEvidence
from exporter.stream.polling import BoundedResponse
from exporter.stream.tls import ResumingContext

# The evidence of the current task's connection attempt.
evidence_of_attempt: ContextVar[HandshakeEvidence] = ContextVar("evidence_of_attempt")


def _trace() -> aiohttp.TraceConfig:
    """Return a trace that keeps the status of a failed handshake and the exceptions that the library hides."""

    async def ended(_session: object, _context: object, params: aiohttp.TraceRequestEndParams) -> None:
        if evidence := evidence_of_attempt.get(None):
            evidence.status = params.response.status
            evidence.headers = params.response.headers if params.response.status >= FIRST_REFUSAL else {}

    async def failed(_session: object, _context: object, params: aiohttp.TraceRequestExceptionParams) -> None:
        if evidence := evidence_of_attempt.get(None):
            if evidence.exception:
                release_frames(evidence.exception)
            evidence.exception = params.exception

    async def redirected(_session: object, _context: object, params: aiohttp.TraceRequestRedirectParams) -> None:
        if evidence := evidence_of_attempt.get(None):
            evidence.status = params.response.status
        raise aiohttp.ClientError("a redirect is not followed: the token must not go to another address")

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(failed)
    trace.on_request_redirect.append(redirected)
    return trace


_TRACE: Final = _trace()


class Websocket(aiohttp.ClientWebSocketResponse):
    """A websocket that keeps nothing of its handshake: headers, URL and HTTP parser take 5 KB per stream.

    The names of the attributes are aiohttp's own; tests/stream/test_handshake_remains.py fails if they change.
    """

    def __init__(
        self,
        reader: Any,
        writer: Any,
        protocol: str | None,
        response: aiohttp.ClientResponse,
        *rest: Any,
        **options: Any,
    ) -> None:
        super().__init__(reader, writer, protocol, response, *rest, **options)
        for name in ("_cache", "_headers", "_raw_headers", "_real_url", "_request_info", "_timer", "_traces", "_url"):
            setattr(response, name, None)
        assert response.connection is not None
        setattr(response.connection.protocol, "_parser", None)  # noqa: B010
        setattr(response.connection.protocol, "_buffer", ())  # noqa: B010 - a queue of HTTP messages, 0.8 KB

    async def close(self, **options: Any) -> bool:
        """Close, and keep no frames if that fails: when the service restarts, all websockets do so at once."""
        is_closed = await super().close(**options)
        if error := self.exception():
            release_frames(error)
        return is_closed

    def release(self) -> None:
        """Release the connection. aiohttp leaves a lost one to the garbage collector."""
        self._response.close()


class HttpSessions:
    """The HTTP sessions over one connector.

    All websockets share a session: one per stream would take 3 KB each. Over polling each stream has its own session,
    since load balancers use cookies to route a stream to its server.
    """

    def __init__(
        self,
        connector: aiohttp.BaseConnector,
        connect_timeout_seconds: float,
        proxy: str | None = None,
        tls: ResumingContext | None = None,
    ) -> None:
        self.connector = connector
        self._connect_timeout_seconds = connect_timeout_seconds
        # May hold a password.
        self._proxy = proxy
        self._tls = tls
        self._for_websockets: aiohttp.ClientSession | None = None

    def for_websockets(self) -> aiohttp.ClientSession:
        """Return the session of all websockets; create it for the first one."""
        if self._for_websockets is None:
            self._for_websockets = self._create(aiohttp.DummyCookieJar())
        return self._for_websockets

    def for_polling(self) -> aiohttp.ClientSession:
        """Return a new session, to be closed with its stream."""
        return self._create(aiohttp.CookieJar(unsafe=True))

    def joined(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        """Keep the TLS session of a websocket that has joined, so that later connections resume it."""
        connection = websocket.get_extra_info("ssl_object")
        if self._tls is not None and connection is not None:
            self._tls.keep_session_of(connection)

    async def close(self) -> None:
        """Close the shared session and the connector."""
        if self._for_websockets is not None:
            await self._for_websockets.close()
        await self.connector.close()

    def _create(self, cookies: aiohttp.abc.AbstractCookieJar) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=self.connector,
            connector_owner=False,
            cookie_jar=cookies,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout_seconds),
            response_class=BoundedResponse,
            ws_response_class=Websocket,
            trace_configs=[_TRACE],
            # Not `trust_env`: aiohttp would read the environment and .netrc in threads at every request.
            proxy=self._proxy,
        )
