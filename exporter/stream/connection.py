"""One Socket.IO connection: the handshake, its events, and why it ends. It is not reused."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from exporter.charger.events import GARBLED, Connected, Disconnection, ServiceError, ServiceEvent
from exporter.charger.wire import decode
from exporter.errors import ConnectError, ConnectFailure
from exporter.stream.closing import break_cycles, cancel, disconnect, loops_of
from exporter.stream.diagnosis import (
    HandshakeEvidence,
    closed_early,
    diagnose,
    not_understood,
    occupied,
    refused,
    timed_out,
)
from exporter.stream.http_sessions import HttpSessions, evidence_of_attempt
from exporter.stream.recorder import ChargerRecorder
from exporter.stream.socketio_client import (
    CONNECT_OPTIONS,
    NAMESPACE,
    SILENT,
    Client,
    EventReceiver,
    Json,
)

if TYPE_CHECKING:
    import aiohttp

# Added to the ping interval and timeout that the server announced, for slow networks.
IDLE_GRACE_SECONDS: Final = 2.0
# After a handshake the service sends at once either the charger's document or the error that the charger is occupied.
# If no event arrives for this long, the stream counts as connected.
WELCOME_SECONDS: Final = 3.0
# A server may announce a ping interval of a day: close a silent connection earlier.
MAX_SILENCE_SECONDS: Final = 7200.0

OCCUPIED: Final = ServiceError(occupied=True)

Deliver = Callable[[Connected | ServiceEvent], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What to connect to: an account's service and one of its chargers."""

    url: str
    charger_id: str
    connect_timeout_seconds: float


class Connection:
    """A connection to one charger. Call `open()`, `welcomed()` and `ended()`, in this order, and always `close()`.

    `deliver` receives `Connected`, unless the charger is occupied, and every event in order.
    """

    __slots__ = (
        "_client",
        "_connecting",
        "_deliver",
        "_ended",
        "_evidence",
        "_http",
        "_idle_timer",
        "_joined",
        "_polling_session",
        "_record",
        "_target",
        "_welcome",
        "is_welcomed",
    )

    def __init__(
        self,
        target: Target,
        http: HttpSessions,
        deliver: Deliver,
        record: ChargerRecorder | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        # Whether `Connected` was delivered.
        self.is_welcomed = False
        self._target = target
        self._deliver = deliver
        self._record = record
        self._joined: asyncio.Future[None] = loop.create_future()
        self._welcome: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[Disconnection] = loop.create_future()
        self._evidence = HandshakeEvidence()
        self._connecting: asyncio.Task[None] | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._http = http
        self._polling_session: aiohttp.ClientSession | None = None
        self._client = Client(
            reconnection=False,
            logger=SILENT,
            engineio_logger=SILENT,
            json=Json,
            request_timeout=target.connect_timeout_seconds,
        )
        self._client.on_event = self._receive
        self._client.on_refused = self._on_refused
        self._client.on_server_close = self._client.eio.on_server_close = self._on_server_close
        self._client.eio.on_broken = self._on_broken
        self._client.eio.on_garbled = self._on_garbled
        self._client.register_namespace(EventReceiver(self._receive))

    async def open(self, token: str, transport: str) -> None:
        """Connect over one transport and join the namespace within the connect timeout; raise ConnectError."""
        loop = asyncio.get_running_loop()
        seconds = self._target.connect_timeout_seconds
        deadline = loop.time() + seconds
        if transport == "polling":
            self._polling_session = self._http.for_polling()
        self._client.eio.use_session(self._polling_session or self._http.for_websockets())
        self._connecting = loop.create_task(self._connect(token, transport))
        # The library has no time limit on a websocket handshake and ignores cancellations, so it runs in its own task.
        await asyncio.wait({self._connecting}, timeout=seconds)
        if not self._connecting.done():
            raise timed_out(seconds, transport)
        error = self._connecting.exception()
        if error is not None:
            raise self._failure_of(error, transport) from error
        self._connecting = None
        if self._client.eio.ping_interval <= 0 or self._client.eio.ping_timeout < 0:
            # The library would ping in a tight loop.
            raise not_understood()
        waited_for: set[asyncio.Future[Any]] = {self._joined, self._ended, *loops_of(self._client.eio)}
        await asyncio.wait(waited_for, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED)
        if self._joined.done():
            self._joined.result()
            if self._client.eio.ws is not None:
                self._http.joined(self._client.eio.ws)
                self._client.forget_url()
            return
        if self.has_ended:
            raise closed_early()
        raise timed_out(seconds, transport)

    def _failure_of(self, error: BaseException, transport: str) -> ConnectError:
        failure = diagnose(error, self._evidence)
        if failure.reason is ConnectFailure.TIMEOUT:
            # The HTTP requests have the same time limit. If the event loop is busy, theirs may end the attempt.
            return timed_out(self._target.connect_timeout_seconds, transport)
        return failure

    @property
    def has_ended(self) -> bool:
        """Whether the service closed the connection, or the transport broke."""
        return self._ended.done() or any(task.done() for task in loops_of(self._client.eio))

    async def welcomed(self) -> None:
        """Wait for the first event of the service, for 3 s without one, or for the end of the connection.

        Raise ConnectError if the event says that the charger is occupied.
        """
        waited_for: set[asyncio.Future[Any]] = {self._welcome, self._ended, *loops_of(self._client.eio)}
        await asyncio.wait(waited_for, timeout=WELCOME_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not self._welcome.done():
            self._deliver_connected()
        self._welcome.result()

    async def ended(self) -> Disconnection:
        """Wait for the end of the connection: a disconnect by the service, a broken transport, or silence."""
        # A failed ping over polling ends the library's loops without any event.
        on_loop_end = self._on_loop_end
        for task in loops_of(self._client.eio):
            task.add_done_callback(on_loop_end)
        self._check_idle()
        try:
            return await self._ended
        finally:
            if self._idle_timer is not None:
                self._idle_timer.cancel()

    def _on_server_close(self) -> None:
        self._end(Disconnection.SERVER)

    def _on_broken(self) -> None:
        self._end(self._loss_reason())

    def _on_garbled(self) -> None:
        self._deliver(GARBLED)

    def _on_loop_end(self, _task: "asyncio.Task[None]") -> None:
        if not self._ended.done():
            self._end(self._loss_reason())

    def _check_idle(self) -> None:
        loop = asyncio.get_running_loop()
        transport = self._client.eio
        limit = min(transport.ping_interval + transport.ping_timeout, MAX_SILENCE_SECONDS) + IDLE_GRACE_SECONDS
        transport.heard_at = transport.heard_at or monotonic()
        remaining = transport.heard_at + limit - monotonic()
        if remaining <= 0:
            self._end(Disconnection.IDLE)
        else:
            self._idle_timer = loop.call_later(remaining, self._check_idle)

    async def close(self) -> None:
        """Disconnect from the service if possible, and release all tasks and sockets, within a few seconds.

        If it is cancelled, it first closes the rest.
        """
        is_cancelled = False
        while True:
            try:
                await self._close()
                break
            except asyncio.CancelledError:
                is_cancelled = True
        if is_cancelled:
            raise asyncio.CancelledError

    async def _close(self) -> None:
        self._joined.cancel()
        self._welcome.cancel()
        if self._connecting is not None:
            await cancel(self._connecting)
        futures = {self._joined, self._welcome, *loops_of(self._client.eio), *filter(None, [self._connecting])}
        await disconnect(self._client, self._evidence)
        if self._polling_session is not None:
            await self._polling_session.close()
        break_cycles(self._client, self._evidence, futures)
        self._connecting = None

    async def _connect(self, token: str, transport: str) -> None:
        evidence_of_attempt.set(self._evidence)
        query = f"token={quote(f'Bearer {token}', safe='')}&chargerId={quote(self._target.charger_id, safe='')}"
        parts = urlsplit(self._target.url)
        await self._client.connect(
            f"{parts.scheme}://{parts.netloc}?{query}",
            transports=[transport],
            namespaces=[NAMESPACE],
            socketio_path=f"{parts.path.strip('/')}/socket.io".lstrip("/"),
            **CONNECT_OPTIONS,
        )

    def _receive(self, event: object, arguments: tuple[object, ...]) -> None:
        if event in ("connect_error", "__disconnect_final"):
            return
        if event == "disconnect":
            self._end(self._loss_reason())
            return
        # Events can arrive before `connect`; both show that the namespace is joined.
        if not self._joined.done():
            self._joined.set_result(None)
        if event != "connect":
            self._take(event, arguments)

    def _on_refused(self, message: object) -> None:
        if self._joined.done() or decode("error", (message,)) == OCCUPIED:
            # JavaScript clients get this as the event `error`; the library treats it as the end of the namespace.
            self._take("error", (message,))
        else:
            self._joined.set_exception(refused())
        self._end(Disconnection.SERVER)

    def _take(self, name: object, arguments: tuple[object, ...]) -> None:
        if self._record is not None:
            self._record.received(name, arguments)
        event = decode(name, arguments)
        if not self._welcome.done():
            if event == OCCUPIED:
                self._welcome.set_exception(occupied())
                if not self._joined.done():
                    self._joined.set_exception(occupied())
            else:
                self._deliver_connected()
        self._deliver(event)

    def _deliver_connected(self) -> None:
        self._welcome.set_result(None)
        self.is_welcomed = True
        self._deliver(Connected())

    def _end(self, reason: Disconnection) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    def _loss_reason(self) -> Disconnection:
        """Return why the transport was lost. python-socketio 5 also closes it if it receives no ping."""
        transport = self._client.eio
        silent = monotonic() - transport.heard_at >= transport.ping_interval
        return Disconnection.IDLE if silent else Disconnection.TRANSPORT
