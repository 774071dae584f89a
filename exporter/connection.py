"""One Socket.IO connection, from the handshake to its end; never used twice.

The only file that imports socketio. It works around what python-socketio 4.6.1 over python-engineio 3.14.2 was
measured to do (docs/design.md, "The client library"), and runs unchanged with python-socketio 5 in its place.
"""

import asyncio
import contextlib
import inspect
import json
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote, urlsplit

import aiohttp
import engineio
import engineio.packet
import engineio.payload
import msgspec
import socketio

from exporter.account import Disconnection
from exporter.charger import Connected, Garbled, Received
from exporter.diagnosis import Evidence, closed_early, diagnose, not_understood, refused, timed_out
from exporter.errors import ConnectError, ConnectFailure
from exporter.payload import MAX_PACKETS, BoundedResponse, packets_of

NAMESPACE: Final = "/"
ENGINEIO_MESSAGE: Final = 4
ENGINEIO_CLOSE: Final = 1
# Beyond the ping interval and timeout that the server announced: a slow network is no dead one.
IDLE_GRACE_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 1.0
# A server that announces no pings, or one a day, would never be found silent; one without a pause between, never idle.
MAX_PING_SECONDS: Final = 600.0
# What the library reads digit by digit (an id) or waits for (attachments), with a server setting no end to it.
_OVERSIZED: Final = re.compile(r"\d(?:\d{3,}-|(?:\d{1,2}-)?(?:/[^,]*,)?\d{16})")

# python-socketio 5 would wait for the namespace by itself, for one second; 4.6.1 does not know the argument.
_CONNECT_OPTIONS: Final = (
    {"wait": False} if "wait" in inspect.signature(socketio.AsyncClient.connect).parameters else {}
)

Deliver = Callable[[Connected | Received | Garbled], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What to connect to: an account's service and one of its chargers."""

    url: str
    charger_id: str
    connect_timeout_seconds: float


def prepare_library() -> None:
    """Makes the client library fit for a service that runs for months; to be called once, before any connection.

    It would install its own SIGINT handlers, drop a whole polling reply of more than 16 packets, and never end
    with one whose lengths are nonsense.
    """
    engineio.payload.Payload.max_decode_packets = MAX_PACKETS
    if version("python-engineio").startswith("3."):
        engineio.payload.Payload.decode = _decode_payload
    for name, flag in (
        ("engineio.client", "original_signal_handler"),
        ("engineio.base_client", "original_signal_handler"),
        ("socketio.client", "original_signal_handler"),
        ("socketio.base_client", "original_signal_handler"),
        ("engineio.asyncio_client", "async_signal_handler_set"),
        ("engineio.async_client", "async_signal_handler_set"),
    ):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, flag):
            setattr(module, flag, True)


def _decode_payload(payload: engineio.payload.Payload, encoded: bytes) -> None:
    payload.packets = [engineio.packet.Packet(encoded_packet=packet) for packet in packets_of(encoded)]


class _Silent(logging.Logger):
    """The library logs URLs, so tokens, and payloads, so phone numbers: nothing of it is ever written."""

    def __init__(self) -> None:
        super().__init__("socketio", logging.CRITICAL + 1)
        self.propagate = False

    def info(self, *_args: object, **_fields: object) -> None:
        """Called for every message: not even the level is looked at."""


# It has nothing to remember: all connections share it.
_SILENT: Final = _Silent()


class _Json:
    """The JSON of the library, faster: a fifth of what a log costs was spent on it."""

    dumps = staticmethod(json.dumps)

    @staticmethod
    def loads(text: str) -> Any:
        """What json.loads gives, and as a fault what it raises."""
        if text[1:2] == "[" and text[0].isdecimal():
            raise ValueError("a Socket.IO event, which Engine.IO tries to read as JSON first")
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return json.loads(text)  # it takes a little more: NaN, and halves of surrogate pairs


class _Transport(engineio.AsyncClient):  # type: ignore[misc]
    """Engine.IO that remembers when it last heard anything and hands messages on in line, in order."""

    http: Any
    heard_at = 0.0
    on_garbled: Callable[[], None]
    on_goodbye: Callable[[], None]

    def _reset(self) -> Any:
        # 3.14.2 would close the session under its own goodbye, and send that over a new one that nobody closes.
        session, self.http = self.http, None
        try:
            return super()._reset()
        finally:
            self.http = session

    async def hang_up_polling(self, seconds: float) -> None:
        """Tells the server that this client goes. The library's write loop often ends before it has said so."""
        body = engineio.payload.Payload(packets=[engineio.packet.Packet(ENGINEIO_CLOSE)]).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "text/plain"
        self.state = "disconnected"
        response = await self._send_request(
            "POST", self.base_url, headers={"Content-Type": kind}, body=body, timeout=seconds
        )
        if response is not None:
            response.release()

    async def _receive_packet(self, pkt: Any) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        if pkt.packet_type == ENGINEIO_CLOSE:
            self.on_goodbye()
        if pkt.packet_type != ENGINEIO_MESSAGE:
            await super()._receive_packet(pkt)
            return
        try:
            # The library would start a task a message, whose exceptions nobody sees.
            await self.handlers["message"](pkt.data)
        except Exception:
            self.on_garbled()  # whatever a server sends ends in a count


class _Client(socketio.AsyncClient):  # type: ignore[misc]
    """Socket.IO that tells a refusal and a goodbye from a transport that broke."""

    on_refused: Callable[[object], None]
    on_goodbye: Callable[[], None]
    _binary_packet: Any

    def _engineio_client_class(self) -> type[_Transport]:
        return _Transport

    async def _handle_eio_message(self, data: Any) -> None:
        if self._binary_packet and not isinstance(data, bytes):
            # A text packet where an attachment was due: the event that waits for it will never be whole.
            self._binary_packet = None
            self.eio.on_garbled()
        if isinstance(data, str) and _OVERSIZED.match(data):
            raise ValueError("a packet with an endless id or with attachments beyond counting")
        await super()._handle_eio_message(data)

    async def _handle_error(self, namespace: str | None, data: Any) -> None:
        self.on_refused(data)
        await super()._handle_error(namespace, data)

    async def _handle_disconnect(self, namespace: str | None) -> None:
        if (namespace or NAMESPACE) == NAMESPACE:
            self.on_goodbye()
        await super()._handle_disconnect(namespace)


class _Door(socketio.AsyncClientNamespace):  # type: ignore[misc]
    """Every event comes through here, unknown ones and the library's own included."""

    def __init__(self, receive: Callable[[object, tuple[object, ...]], None]) -> None:
        super().__init__(NAMESPACE)
        self._receive = receive

    async def trigger_event(self, event: object, *args: object) -> None:
        self._receive(event, args)


class Connection:
    """A connection to one charger: `open()`, then `ended()`, then always `close()`.

    `deliver` gets `Connected` and then every event, in order.
    """

    def __init__(self, target: Target, connector: aiohttp.BaseConnector, deliver: Deliver) -> None:
        loop = asyncio.get_running_loop()
        self.has_joined = False
        self._target = target
        self._deliver = deliver
        self._joined: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[Disconnection] = loop.create_future()
        self._evidence = Evidence()
        self._connecting: asyncio.Task[None] | None = None
        self._session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=target.connect_timeout_seconds),
            response_class=BoundedResponse,
            trace_configs=[self._trace()],
            trust_env=True,
        )
        self._client = _Client(
            reconnection=False,
            logger=_SILENT,
            engineio_logger=_SILENT,
            json=_Json,
            http_session=self._session,
            request_timeout=target.connect_timeout_seconds,
        )
        self._client.on_refused = self._on_refused
        self._client.on_goodbye = self._client.eio.on_goodbye = lambda: self._end(Disconnection.SERVER)
        self._client.eio.on_garbled = lambda: deliver(Garbled())
        self._client.register_namespace(_Door(self._receive))

    async def open(self, token: str, transport: str) -> None:
        """Connects over one transport and waits until the namespace is joined; raises ConnectError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._target.connect_timeout_seconds
        self._connecting = loop.create_task(self._connect(token, transport))
        # The library has no time limit on a websocket handshake and swallows cancellations: hence its own task.
        await asyncio.wait({self._connecting}, timeout=self._target.connect_timeout_seconds)
        if not self._connecting.done():
            raise timed_out(self._target.connect_timeout_seconds)
        error = self._connecting.exception()
        if error is not None:
            raise diagnose(error, self._evidence) from error
        if not (0 < self._client.eio.ping_interval <= MAX_PING_SECONDS >= self._client.eio.ping_timeout >= 0):
            raise not_understood()
        waited_for: set[asyncio.Future[Any]] = {self._joined, self._ended, *self._loops()}
        await asyncio.wait(waited_for, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED)
        if self._joined.done():
            return self._joined.result()
        if self._ended.done() or any(task.done() for task in self._loops()):
            raise closed_early()
        raise timed_out(self._target.connect_timeout_seconds)

    async def ended(self) -> Disconnection:
        """Waits for the end of the connection: goodbye, a broken transport, or silence."""
        loop = asyncio.get_running_loop()
        transport = self._client.eio
        limit = transport.ping_interval + transport.ping_timeout + IDLE_GRACE_SECONDS
        transport.heard_at = transport.heard_at or loop.time()
        loops = self._loops()
        waited_for: set[asyncio.Future[Any]] = {self._ended, *loops}
        while True:
            silence = loop.time() - transport.heard_at
            if silence >= limit:
                return Disconnection.IDLE
            # A failed ping over polling ends the library's loops without any event.
            await asyncio.wait(waited_for, timeout=limit - silence, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                return self._ended.result()
            if any(task.done() for task in loops):
                return self._lost()

    async def close(self) -> None:
        """Says goodbye if it can, and leaves nothing behind: no task, no socket. Takes a few seconds at the most."""
        self._joined.cancel()
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait({self._connecting}, timeout=CLOSE_SECONDS)
        transport = self._client.eio
        loops = self._loops()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._say_goodbye()
        # A cancelled ping loop goes on for as long as the state is "connected".
        transport.state = "disconnected"
        for task in loops:
            task.cancel()
        if loops:
            await asyncio.wait(loops, timeout=CLOSE_SECONDS)
        for future in (*loops, self._connecting, self._joined):
            if future is not None and future.done() and not future.cancelled():
                future.exception()  # looked at, so that asyncio does not print it, token and all
        for registry in _registries_of_clients():
            if transport in registry:
                registry.remove(transport)
        if transport.ws is not None and not transport.ws.closed:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await transport.ws.close()
        await self._session.close()

    async def _say_goodbye(self) -> None:
        transport = self._client.eio
        if transport.state == "connected" and transport.current_transport == "polling":
            await transport.hang_up_polling(CLOSE_SECONDS)
            return
        await self._client.disconnect()
        if transport.write_loop_task is not None:
            await asyncio.wait({transport.write_loop_task})

    async def _connect(self, token: str, transport: str) -> None:
        query = f"token={quote(f'Bearer {token}', safe='')}&chargerId={quote(self._target.charger_id, safe='')}"
        parts = urlsplit(self._target.url)
        await self._client.connect(
            f"{parts.scheme}://{parts.netloc}?{query}",
            transports=[transport],
            namespaces=[NAMESPACE],
            socketio_path=f"{parts.path.strip('/')}/socket.io".lstrip("/"),
            **_CONNECT_OPTIONS,
        )

    def _receive(self, event: object, arguments: tuple[object, ...]) -> None:
        if event in ("connect_error", "__disconnect_final"):
            return
        if event == "disconnect":
            self._end(self._lost())
            return
        # Events can come before `connect` does; either way the namespace is joined.
        if not self._joined.done():
            self._joined.set_result(None)
            self.has_joined = True
            self._deliver(Connected())
        if event != "connect":
            self._deliver(Received(event, arguments))

    def _on_refused(self, word: object) -> None:
        if self.has_joined:
            # What JavaScript clients know as the event `error`; the library takes the namespace for left.
            self._deliver(Received("error", (word,)))
        elif not self._joined.done():
            self._joined.set_exception(refused())
        self._end(Disconnection.SERVER)

    def _end(self, reason: Disconnection) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    def _lost(self) -> Disconnection:
        """How a transport was lost: 4.6.1 closes it itself once a ping has gone unanswered."""
        transport = self._client.eio
        silent = asyncio.get_running_loop().time() - transport.heard_at >= transport.ping_interval
        return Disconnection.IDLE if silent else Disconnection.TRANSPORT

    def _loops(self) -> "set[asyncio.Task[None]]":
        transport = self._client.eio
        tasks = (transport.read_loop_task, transport.write_loop_task, getattr(transport, "ping_loop_task", None))
        return {task for task in tasks if task is not None}

    def _trace(self) -> aiohttp.TraceConfig:
        """Sees what the library hides: the status of a failed handshake and the exceptions it swallows."""

        async def ended(_session: object, _context: object, params: aiohttp.TraceRequestEndParams) -> None:
            self._evidence.status = params.response.status
            self._evidence.retry_after = params.response.headers.get("Retry-After")

        async def failed(_session: object, _context: object, params: aiohttp.TraceRequestExceptionParams) -> None:
            self._evidence.exception = params.exception

        async def redirected(_session: object, _context: object, params: aiohttp.TraceRequestRedirectParams) -> None:
            raise ConnectError(
                ConnectFailure.OTHER, f"the server answers {params.response.status}, a redirect: put its goal into url"
            )

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(ended)
        trace.on_request_exception.append(failed)
        trace.on_request_redirect.append(redirected)
        return trace


def _registries_of_clients() -> "list[list[object]]":
    """Lists in which python-engineio keeps every connected client, so as to close them on SIGINT."""
    modules = (sys.modules.get("engineio.client"), sys.modules.get("engineio.base_client"))
    return [module.connected_clients for module in modules if module and hasattr(module, "connected_clients")]
