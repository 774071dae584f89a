"""The client library with its faults corrected: python-socketio 4.6.1 with python-engineio 3.14.2, or 5.

The only file that imports socketio. It works around the faults listed in docs/design.md ("The client library") by
overriding methods that both versions have.
"""

import asyncio
import inspect
import json
import logging
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from time import monotonic
from typing import Any, Final

import aiohttp
import msgspec

from exporter.stream.polling import MAX_PACKETS, packets_of

# The library works without requests, which only its threaded client uses: importing it takes 80 ms of CPU and 5 MB.
sys.modules.setdefault("requests", None)  # type: ignore[arg-type]
import engineio  # noqa: E402
import engineio.packet  # noqa: E402
import engineio.payload  # noqa: E402
import socketio  # noqa: E402

if sys.modules.get("requests") is None:
    sys.modules.pop("requests", None)

NAMESPACE: Final = "/"
ENGINEIO_CLOSE: Final = 1
ENGINEIO_PING: Final = 2
ENGINEIO_MESSAGE: Final = 4
# Some servers announce an hour; a lost connection would then be detected only after two hours.
MAX_PING_SECONDS: Final = 300.0
# The prefix of a Socket.IO event of the default namespace without an id.
PLAIN_EVENT: Final = "2["
# A packet id with too many digits (the library parses them one by one), or too many attachments (it waits for them).
_OVERSIZED: Final = re.compile(r"\d(?:\d{3,}-|(?:\d{1,2}-)?(?:/[^,]*,)?\d{16})")

# By default python-socketio 5 waits one second for the namespace; 4.6.1 does not have the argument.
CONNECT_OPTIONS: Final = {"wait": False} if "wait" in inspect.signature(socketio.AsyncClient.connect).parameters else {}


def prepare_library() -> None:
    """Prepare the client library; call this once, before the first connection.

    By default it installs SIGINT handlers, drops polling replies of more than 16 packets, and loops forever over a
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
    """Discards all log lines of the library: they hold URLs with tokens and payloads with phone numbers."""

    def __init__(self) -> None:
        super().__init__("socketio", logging.CRITICAL + 1)
        self.propagate = False

    def info(self, *_args: object, **_fields: object) -> None:
        """Skip even the check of the level: the library calls this for every message."""


# Stateless, so all connections share it.
SILENT: Final = Silent()


class Json:
    """A faster JSON module for the library: JSON takes a fifth of the CPU time of a log."""

    dumps = staticmethod(json.dumps)

    @staticmethod
    def loads(text: str) -> Any:
        """Return the same as json.loads, and raise the same errors."""
        if text[1:2] == "[" and text[0].isdecimal():
            raise ValueError("a Socket.IO event, which Engine.IO tries to read as JSON first")
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return json.loads(text)  # also accepts NaN and unpaired surrogates


_UNUSED_EVENT: Final = asyncio.Event()


class Outbox:
    """The packets to send. The library adds None when the connection has ended.

    It has one reader, the library's write loop. An asyncio.Queue would take 4 KB per connection.
    """

    Empty = asyncio.QueueEmpty  # the library uses this name

    def __init__(self, transport: "Transport") -> None:
        self._transport = transport
        self._packets: list[Any] = []
        self._awaited: asyncio.Future[Any] | None = None

    async def put(self, packet: Any) -> None:
        """Queue a packet. None ends the write loop."""
        self.add(packet)

    def add(self, packet: Any) -> None:
        """Queue a packet, without waiting."""
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(packet)
            return
        self._packets.append(packet)
        if packet is None:
            # After another packet, the write loop of 4.6.1 notices None half a minute late.
            self._transport.on_broken()

    def get(self) -> "asyncio.Future[Any]":
        """Return the next packet as a future. The library's timeout would create a task for a coroutine."""
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
        """Do nothing: no caller waits until all packets are sent."""


class Transport(engineio.AsyncClient):  # type: ignore[misc]
    """An Engine.IO client that records when it last received a packet, and handles messages in order without tasks."""

    http: Any = None  # python-engineio 4 reads it when it frees a client whose attributes were cleared
    on_garbled: Callable[[], None]
    on_server_close: Callable[[], None]
    on_broken: Callable[[], None]
    ping_interval: float
    ping_timeout: float

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # If an attribute is first set once there are many instances, each gets a dictionary of its own, 1.5 KB.
        self.heard_at = 0.0
        self._next_ping: asyncio.TimerHandle | None = None

    def use_session(self, session: aiohttp.ClientSession) -> None:
        """Use this HTTP session, and do not close it at the end."""
        self.http = session
        self.external_http = True  # read by python-engineio 4

    def create_queue(self) -> "Outbox":
        """Return the queue of packets to send."""
        return Outbox(self)

    def create_event(self) -> asyncio.Event:
        """Return the event of the library's own reconnection, which is disabled, so all connections share one."""
        return _UNUSED_EVENT

    def _reset(self) -> Any:
        # 3.14.2 would close the session before its last packet, and send that over a new session that is never closed.
        session, self.http = self.http, None
        try:
            return super()._reset()
        finally:
            self.http = session

    async def close_polling(self, seconds: float) -> None:
        """Send the close packet to the server. The library's write loop often ends before it has sent the packet."""
        body = engineio.payload.Payload(packets=[engineio.packet.Packet(ENGINEIO_CLOSE)]).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "text/plain"
        self.state = "disconnected"
        response = await self._send_request(
            "POST", self.base_url, headers={"Content-Type": kind}, body=body, timeout=seconds
        )
        if response is not None:
            response.release()

    def _ping_loop(self) -> "asyncio.Future[None]":
        """Ping at least every MAX_PING_SECONDS, whatever the server announces (Engine.IO 3 only).

        `Connection` detects missing answers. The library would create a task, which takes 1.5 KB more than a timer; for
        a future it creates none.
        """
        self.ping_interval = min(self.ping_interval, MAX_PING_SECONDS)
        self.ping_timeout = min(self.ping_timeout, MAX_PING_SECONDS)
        self._ping()
        started = asyncio.get_running_loop().create_future()
        started.set_result(None)
        return started

    def _ping(self) -> None:
        if self.state == "connected":
            self.queue.add(engineio.packet.Packet(ENGINEIO_PING))
            self._next_ping = asyncio.get_running_loop().call_later(self.ping_interval, self._ping)

    def stop_pings(self) -> None:
        """Send no more pings."""
        if self._next_ping is not None:
            self._next_ping.cancel()

    async def _write_loop(self) -> None:
        """Send the packets. Over a websocket the library would start a timeout for each, which takes 1 KB."""
        if self.current_transport != "websocket":
            await super()._write_loop()
            return
        # If the connection breaks, this task ends, and `Connection` detects that.
        with suppress(aiohttp.ClientError, OSError):
            while (packet := await self.queue.get()) is not None:
                encoded = packet.encode()
                await self.ws.send_str(encoded if isinstance(encoded, str) else encoded.decode())

    async def _receive_packet(self, pkt: Any) -> None:
        # Not the loop's time: before Python 3.12, asking for the running loop is a system call.
        self.heard_at = monotonic()
        if pkt.packet_type == ENGINEIO_CLOSE:
            self.on_server_close()
        if pkt.packet_type != ENGINEIO_MESSAGE:
            await super()._receive_packet(pkt)
            return
        try:
            # The library would start a task per message and lose its exceptions.
            await self.handlers["message"](pkt.data)
        except Exception:
            self.on_garbled()  # counts the invalid message
        # The library's read loop keeps the packet until the next one comes. A document takes 2 KB.
        pkt.data = None


class Client(socketio.AsyncClient):  # type: ignore[misc]
    """A Socket.IO client that distinguishes a rejection, a disconnect by the service and a broken transport."""

    on_event: Callable[[object, tuple[object, ...]], None]
    on_refused: Callable[[object], None]
    on_server_close: Callable[[], None]
    _binary_packet: Any

    def _engineio_client_class(self) -> type[Transport]:
        return Transport

    def forget_url(self) -> None:
        """Drop the URL, which holds the token: a connected websocket does not need it."""
        self.connection_url = self.eio.base_url = None

    async def _handle_eio_message(self, data: Any) -> None:
        if self._binary_packet and not isinstance(data, bytes):
            # A text packet instead of an attachment: the event that waits for the attachment cannot be completed.
            self._binary_packet = None
            self.eio.on_garbled()
        if isinstance(data, str):
            if data.startswith(PLAIN_EVENT):
                # Nearly all packets are plain. The library parses character by character, which takes twice as long.
                event, *arguments = Json.loads(data[1:])
                self.on_event(event, tuple(arguments))
                return
            if _OVERSIZED.match(data):
                raise ValueError("the packet id is too long, or there are too many attachments")
        await super()._handle_eio_message(data)

    async def _handle_error(self, namespace: str | None, data: Any) -> None:
        if (namespace or NAMESPACE) == NAMESPACE:
            self.on_refused(data)
            await super()._handle_error(namespace, data)

    async def _handle_disconnect(self, namespace: str | None) -> None:
        # Version 5 would treat the end of another namespace as the end of the connection.
        if (namespace or NAMESPACE) == NAMESPACE:
            self.on_server_close()
            await super()._handle_disconnect(namespace)


class EventReceiver(socketio.AsyncClientNamespace):  # type: ignore[misc]
    """Receives every event, including unknown ones and the library's own."""

    def __init__(self, receive: Callable[[object, tuple[object, ...]], None]) -> None:
        super().__init__(NAMESPACE)
        self._receive = receive

    async def trigger_event(self, event: object, *args: object) -> None:
        self._receive(event, args)


def registries_of_clients() -> "list[list[object]]":
    """Return the lists in which python-engineio keeps all connected clients, to close them on SIGINT."""
    modules = (sys.modules.get("engineio.client"), sys.modules.get("engineio.base_client"))
    return [module.connected_clients for module in modules if module and hasattr(module, "connected_clients")]
