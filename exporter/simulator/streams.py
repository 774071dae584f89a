"""Socket.IO's default namespace over python-engineio, which behaves like the JavaScript server.

python-socketio's own server behaves differently: it refuses a connection with HTTP 401, closes the transport when it
disconnects, and (4.6.1 on Python 3.11 and later) cannot emit. This server sends what Node's sends, over the Engine.IO
server of the same library: version 3 of that protocol with python-socketio 4, version 4 with python-socketio 5.
"""

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs

import engineio
from aiohttp import web
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket

# Socket.IO packet types, as the first character of an Engine.IO message.
CONNECT, DISCONNECT, EVENT, ERROR = "0", "1", "2", "4"
# The ping interval, and the grace beyond it: a client on a busy machine is not dead.
PING_SECONDS = (25, 25)

# The library logs every packet with its payload: personal data.
_silence = logging.getLogger("exporter.simulator.engineio")
_silence.addHandler(logging.NullHandler())
_silence.propagate = False
_silence.setLevel(logging.CRITICAL + 1)


class Application(Protocol):
    """What the server calls."""

    def refusal(self, query: Mapping[str, str]) -> str | None:
        """Return why the connection with this query is refused; None accepts it."""

    def connected(self, stream: "Stream") -> None:
        """The stream can be written to."""

    def disconnected(self, stream: "Stream") -> None:
        """The stream has ended."""


class Stream:
    """One client in the default namespace."""

    def __init__(self, query: Mapping[str, str], socket: Any, opened_by: web.Request) -> None:
        self.query = query
        self.connected = False
        self.opened_by = opened_by
        self.transport: asyncio.BaseTransport | None = opened_by.transport
        self.socket = socket

    def send(self, packet: str) -> None:
        """Queue a Socket.IO packet in the Engine.IO socket itself: thousands of streams must be cheap."""
        if not self.socket.closed:
            self.socket.queue.put_nowait(EnginePacket(MESSAGE, packet))

    def emit(self, event: str, payload: Any) -> None:
        """Send an event."""
        self.send(EVENT + to_json([event, payload]))


class _Engine(engineio.AsyncServer):  # type: ignore[misc]  # the library is not typed
    """An Engine.IO server that can end its tasks: the library leaves them running."""

    def __init__(self) -> None:
        super().__init__(
            async_mode="aiohttp",
            async_handlers=False,
            cors_allowed_origins="*",
            logger=_silence,
            ping_interval=PING_SECONDS,
        )
        self._tasks: set[asyncio.Task[Any]] = set()

    def start_background_task(self, target: Any, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a task and remember it."""
        work: Coroutine[Any, Any, Any] = target(*args, **kwargs)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self) -> None:
        """End the tasks."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class StreamServer:
    """Accepts streams for an application and routes their packets."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._engine = _Engine()
        self._engine.on("connect", self._opened)
        self._engine.on("message", self._received)
        self._engine.on("disconnect", self._closed)
        self._streams: dict[str, Stream] = {}

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Serve one HTTP request of Engine.IO: a handshake, a poll, a post, a websocket."""
        stream = self._streams.get(request.query.get("sid", ""))
        # A client may post over another connection than the one on which it receives.
        if stream and request.method == "GET":
            stream.transport = request.transport
        try:
            response: web.StreamResponse = await self._engine.handle_request(request)
        except ConnectionResetError:
            # The client disconnected before the response, and its new stream ended with it.
            for opened in [one for one in self._streams.values() if one.opened_by is request]:
                await self.drop(opened)
            return web.Response()
        return response

    def disconnect(self, stream: Stream) -> None:
        """Node's `socket.disconnect()`: leave the namespace, keep the transport open."""
        if stream.connected:
            stream.send(DISCONNECT)
            self._leave(stream)

    async def drop(self, stream: Stream) -> None:
        """Close the transport without a disconnect packet."""
        if stream.transport:
            stream.transport.abort()  # type: ignore[attr-defined]  # a TCP transport has it
        await stream.socket.close(wait=False, abort=True)

    async def drop_all(self) -> None:
        """Close every transport."""
        for stream in list(self._streams.values()):
            await self.drop(stream)

    async def stop(self) -> None:
        """Close every transport and end every task."""
        await self.drop_all()
        await self._engine.end()

    async def _opened(self, sid: str, environ: dict[str, Any]) -> None:
        query = {key: values[-1] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
        stream = Stream(query, self._engine.sockets[sid], environ["aiohttp.request"])
        self._streams[sid] = stream
        # Up to Engine.IO 3 the server opens the default namespace; from 4 on the client requests it.
        if query.get("EIO") == "3":
            self._enter(stream, accepted=CONNECT, refused=lambda why: why)

    async def _received(self, sid: str, packet: str) -> None:
        stream = self._streams.get(sid)
        if stream is None or not isinstance(packet, str):
            return
        if packet.startswith(CONNECT) and not packet.startswith(CONNECT + "/") and stream.query["EIO"] != "3":
            self._enter(stream, accepted=CONNECT + to_json({"sid": sid}), refused=lambda why: {"message": why})
        elif packet == DISCONNECT:
            self._leave(stream)

    async def _closed(self, sid: str, _reason: str = "") -> None:
        stream = self._streams.pop(sid, None)
        # The library keeps closed sockets and fails at a request for one.
        self._engine.sockets.pop(sid, None)
        if stream:
            # None ends a poll that waits for packets: the library would wait for another minute.
            stream.socket.queue.put_nowait(None)
            self._leave(stream)

    def _enter(self, stream: Stream, *, accepted: str, refused: Any) -> None:
        if stream.connected:
            return
        why = self._application.refusal(stream.query)
        if why is not None:
            stream.send(ERROR + to_json(refused(why)))
            return
        stream.connected = True
        stream.send(accepted)
        self._application.connected(stream)

    def _leave(self, stream: Stream) -> None:
        if stream.connected:
            stream.connected = False
            self._application.disconnected(stream)


def to_json(value: Any) -> str:
    """Return JSON as JavaScript writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
