"""The client library, made fit: python-socketio 4.6.1 over python-engineio 3.14.2, and as well 5 in its place.

The only file that imports socketio. It works around what the library was measured to do (docs/design.md, "The client
library") by overriding methods that both versions have.
"""

import asyncio
import inspect
import json
import logging
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

import aiohttp
import engineio
import engineio.packet
import engineio.payload
import msgspec
import socketio

from exporter.stream.polling import MAX_PACKETS, packets_of

NAMESPACE: Final = "/"
ENGINEIO_CLOSE: Final = 1
ENGINEIO_PING: Final = 2
ENGINEIO_MESSAGE: Final = 4
# Some servers announce an hour: a dead connection would be noticed two hours late.
MAX_PING_SECONDS: Final = 300.0
# An event of the one namespace, without an id, in Socket.IO's words.
PLAIN_EVENT: Final = "2["
# What the library reads digit by digit (an id) or waits for (attachments), with a server setting no end to it.
_OVERSIZED: Final = re.compile(r"\d(?:\d{3,}-|(?:\d{1,2}-)?(?:/[^,]*,)?\d{16})")

# python-socketio 5 would wait for the namespace by itself, for one second; 4.6.1 does not know the argument.
CONNECT_OPTIONS: Final = {"wait": False} if "wait" in inspect.signature(socketio.AsyncClient.connect).parameters else {}


def prepare_library() -> None:
    """Prepare the client library; call this once, before the first connection.

    By default it installs SIGINT handlers, drops polling replies of more than 16 packets, and loops for ever over a
    reply with invalid lengths.
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


class Silent(logging.Logger):
    """The library logs URLs, so tokens, and payloads, so phone numbers: nothing of it is ever written."""

    def __init__(self) -> None:
        super().__init__("socketio", logging.CRITICAL + 1)
        self.propagate = False

    def info(self, *_args: object, **_fields: object) -> None:
        """Called for every message: not even the level is looked at."""


# It has nothing to remember: all connections share it.
SILENT: Final = Silent()


class Json:
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


_UNUSED_EVENT: Final = asyncio.Event()


class Outbox:
    """The packets to send. None is the library's signal that the connection is over.

    It has one reader, the library's write loop. An asyncio.Queue would take 4 KB of each connection.
    """

    Empty = asyncio.QueueEmpty  # the name by which the library knows it

    def __init__(self, transport: "Transport") -> None:
        self._transport = transport
        self._packets: list[Any] = []
        self._awaited: asyncio.Future[Any] | None = None

    async def put(self, packet: Any) -> None:
        """Queue a packet. 4.6.1 overlooks a None behind another packet and waits half a minute for more to send."""
        if packet is None:
            self._transport.on_broken()
        if self._awaited is None or self._awaited.done():
            self._packets.append(packet)
        else:
            self._awaited.set_result(packet)

    def get(self) -> "asyncio.Future[Any]":
        """Return the next packet as a future: of a coroutine, the library's timeout would make a task."""
        self._awaited = asyncio.get_running_loop().create_future()
        if self._packets:
            self._awaited.set_result(self._packets.pop(0))
        return self._awaited

    def get_nowait(self) -> Any:
        """Return the next packet; raise Empty if there is none."""
        if not self._packets:
            raise self.Empty
        return self._packets.pop(0)

    def task_done(self) -> None:
        """Count nothing: nobody waits until all packets are sent."""


class Transport(engineio.AsyncClient):  # type: ignore[misc]
    """Engine.IO that remembers when it last heard anything and hands messages on in line, in order."""

    http: Any = None  # of the class as well: python-engineio 4 looks for it as an untied one is freed
    heard_at = 0.0
    on_garbled: Callable[[], None]
    on_goodbye: Callable[[], None]
    on_broken: Callable[[], None]
    ping_interval: float
    ping_timeout: float

    def use_session(self, session: aiohttp.ClientSession) -> None:
        """Use this HTTP session, and leave it open at the end."""
        self.http = session
        self.external_http = True  # python-engineio 4 asks

    def create_queue(self) -> "Outbox":
        """Return the queue of packets to send."""
        return Outbox(self)

    def create_event(self) -> asyncio.Event:
        """Return an event of the library's own reconnection, which is off: all connections share one."""
        return _UNUSED_EVENT

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

    async def _ping_loop(self) -> None:
        """Ping often enough, whatever the server announces, to notice a dead connection (Engine.IO 3 only).

        `Connection` notices that no answer comes.
        """
        self.ping_interval = min(self.ping_interval, MAX_PING_SECONDS)
        self.ping_timeout = min(self.ping_timeout, MAX_PING_SECONDS)
        while self.state == "connected":
            await self._send_packet(engineio.packet.Packet(ENGINEIO_PING))
            await asyncio.sleep(self.ping_interval)

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


class Client(socketio.AsyncClient):  # type: ignore[misc]
    """A Socket.IO client that distinguishes a refusal, a goodbye and a broken transport."""

    on_event: Callable[[object, tuple[object, ...]], None]
    on_refused: Callable[[object], None]
    on_goodbye: Callable[[], None]
    _binary_packet: Any

    def _engineio_client_class(self) -> type[Transport]:
        return Transport

    async def _handle_eio_message(self, data: Any) -> None:
        if self._binary_packet and not isinstance(data, bytes):
            # A text packet where an attachment was due: the event that waits for it will never be whole.
            self._binary_packet = None
            self.eio.on_garbled()
        if isinstance(data, str):
            if data.startswith(PLAIN_EVENT):
                # Nearly all that ever comes: the library would take it apart digit by digit, at twice the cost.
                event, *arguments = Json.loads(data[1:])
                self.on_event(event, tuple(arguments))
                return
            if _OVERSIZED.match(data):
                raise ValueError("a packet with an endless id or with attachments beyond counting")
        await super()._handle_eio_message(data)

    async def _handle_error(self, namespace: str | None, data: Any) -> None:
        if (namespace or NAMESPACE) == NAMESPACE:
            self.on_refused(data)
            await super()._handle_error(namespace, data)

    async def _handle_disconnect(self, namespace: str | None) -> None:
        # Of another namespace, version 5 would take it for the end of the connection.
        if (namespace or NAMESPACE) == NAMESPACE:
            self.on_goodbye()
            await super()._handle_disconnect(namespace)


class Door(socketio.AsyncClientNamespace):  # type: ignore[misc]
    """Receives every event, unknown ones and the library's own included."""

    def __init__(self, receive: Callable[[object, tuple[object, ...]], None]) -> None:
        super().__init__(NAMESPACE)
        self._receive = receive

    async def trigger_event(self, event: object, *args: object) -> None:
        self._receive(event, args)


def registries_of_clients() -> "list[list[object]]":
    """Lists in which python-engineio keeps every connected client, so as to close them on SIGINT."""
    modules = (sys.modules.get("engineio.client"), sys.modules.get("engineio.base_client"))
    return [module.connected_clients for module in modules if module and hasattr(module, "connected_clients")]
