"""The stream of one charger: connects, listens, and reconnects until it is cancelled.

Every attempt is a new connection with the current token. Between attempts the stream waits with exponential backoff
and full jitter. The number of concurrent handshakes is limited for the whole process.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Final

from exporter.charger.events import ConnectFailed, Disconnected, Disconnection, Event, TokenInUse
from exporter.config.tokens import expiry_of
from exporter.errors import ConnectError, ConnectFailure, TokenError
from exporter.logs import Log, Thinned
from exporter.stream.connection import Connection, Target
from exporter.stream.recorder import ChargerRecorder
from exporter.stream.services import Service

MIN_BACKOFF_SECONDS: Final = 1.0
MAX_BACKOFF_SECONDS: Final = 60.0
# A connection that lasts this long is stable: the backoff starts again from the shortest wait.
STABLE_SECONDS: Final = 10.0
# If more chargers of an account than this fail, log new ones only at powers of two.
MANY_FAIL: Final = 10
# This many short connections in a row that the service closes are a fault, not the normal end of sessions.
REPEATED_CLOSES: Final = 4


class Backoff:
    """The wait before the next attempt, with full jitter, so that streams do not reconnect at the same time."""

    __slots__ = ("_failures", "_rng")

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0

    def next(self) -> float:
        """Return the seconds to wait; the upper bound doubles at every call."""
        bound = min(MAX_BACKOFF_SECONDS, MIN_BACKOFF_SECONDS * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return self._rng.uniform(0.0, bound)

    def reset(self) -> None:
        """Start again from the shortest wait, after a stable connection."""
        self._failures = 0


class ChargerStream:
    """Keeps one charger connected and passes every event to `deliver`, in order."""

    __slots__ = (
        "_backoff",
        "_deliver",
        "_failures",
        "_handshakes",
        "_open_files",
        "_record",
        "_service",
        "_short_connections",
        "_target",
        "_timed_out",
        "_token_in_doubt",
        "_unbound_log",
        "_woken",
    )

    def __init__(
        self,
        charger_id: str,
        service: Service,
        deliver: Callable[[Event], None],
        handshakes: AbstractAsyncContextManager[None],
        log: Log,
        rng: random.Random,
        record: ChargerRecorder | None = None,
        open_files: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        self._target = Target(service.account.url, charger_id, service.account.connect_timeout_seconds)
        self._service = service
        self._deliver = deliver if record is None else record.connections(deliver)
        self._record = record
        self._handshakes = handshakes
        self._open_files = open_files or nullcontext()
        self._unbound_log = log
        self._backoff = Backoff(rng)
        # Failures since the last connection.
        self._failures = Thinned()
        self._timed_out: str | None = None
        self._short_connections = Thinned()
        self._token_in_doubt = False
        # Created when needed, since it takes 1 KB.
        self._woken: asyncio.Event | None = None

    async def run(self) -> None:
        """Connect and listen until cancelled; then disconnect from the service."""
        try:
            while True:
                await self._wait(self._closed_seconds())
                async with self._open_files:
                    seconds = await self._attempt()
                # Wait outside of `open_files`: a waiting stream has no connection.
                await self._wait(seconds)
        finally:
            self._fails_no_more()

    @property
    def _log(self) -> Log:
        # Bound for each line, since a bound log takes 0.5 KB per stream.
        return self._unbound_log.bind(charger_id=self._target.charger_id, account=self._service.account.name)

    def token_changed(self) -> None:
        """Retry at once if the last attempt failed because of the token: the account has another one now."""
        if self._token_in_doubt:
            self._woken = self._woken or asyncio.Event()
            self._woken.set()

    async def _attempt(self) -> float:
        """Make one attempt and listen until the connection ends; return the seconds to wait before the next attempt."""
        try:
            async with self._handshakes:
                # Another stream may have received a Retry-After while this one waited for its turn.
                if self._closed_seconds() > 0:
                    return 0.0
                connection = await self._connect()
            await self._wait_for_welcome(connection)
        except ConnectError as error:
            return self._failed(error)
        await self._listen(connection)
        return self._backoff.next()

    def _failed(self, error: ConnectError) -> float:
        self._deliver(ConnectFailed(error.reason, self._text_for_page(error)))
        self._log_failure(error)
        self._token_in_doubt = error.reason is ConnectFailure.REJECTED or isinstance(error.__cause__, TokenError)
        asked = error.retry_after_seconds or 0.0
        if error.reason is ConnectFailure.REJECTED:
            # Only this charger waits: the other chargers, and another token, may be accepted.
            return max(self._backoff.next(), asked)
        closed_until = asyncio.get_running_loop().time() + asked
        self._service.closed_until = max(self._service.closed_until, closed_until)
        return self._backoff.next()

    def _closed_seconds(self) -> float:
        return self._service.closed_until - asyncio.get_running_loop().time()

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self._woken = self._woken or asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken = None

    async def _listen(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        self._fails_no_more()
        self._failures.reset()
        self._token_in_doubt = False
        # A connection counts as short until it is stable. A service that always disconnects at once must not fill the
        # log: of the short connections, log only the 1st, 2nd, 4th, 8th ...
        times = self._short_connections.times_if_due("short connection", since)
        logging = loop.call_later(0.0 if times else STABLE_SECONDS, self._log_connected)
        reason = Disconnection.RELOAD
        try:
            reason = await connection.ended()
        finally:
            logging.cancel()
            self._deliver(Disconnected(reason))
            await connection.close()
        if loop.time() - since >= STABLE_SECONDS:
            self._backoff.reset()
            self._short_connections.reset()
            times = 1
        if times:
            self._log_end(reason, times)

    async def _connect(self) -> Connection:
        """Return a joined connection over the first transport that works; raise ConnectError.

        Each transport has the whole connect_timeout. A timeout ends the attempt, so that a slow service does not get a
        second handshake at once; the next attempt begins with the other transport.
        """
        try:
            token = await self._service.token.read()
        except TokenError as error:
            raise ConnectError(ConnectFailure.OTHER, str(error)) from error
        self._deliver(TokenInUse(expiry_of(token)))
        # Try the transport that timed out at the last attempt last.
        *others, last = sorted(self._service.account.transports, key=lambda transport: transport == self._timed_out)
        for transport in others:
            try:
                return await self._open(token, transport)
            except ConnectError as error:
                if not error.other_transport_may_work:
                    raise
                self._log.debug("transport failed", transport=transport, reason=error.reason.value, error=str(error))
        return await self._open(token, last)

    async def _open(self, token: str, transport: str) -> Connection:
        connection = Connection(self._target, self._service.http, self._deliver, self._record)
        try:
            await connection.open(token, transport)
        except BaseException as error:
            if isinstance(error, ConnectError) and error.reason is ConnectFailure.TIMEOUT:
                self._timed_out = transport
            await self._abandon(connection, error)
            raise
        self._timed_out = None
        return connection

    async def _wait_for_welcome(self, connection: Connection) -> None:
        try:
            await connection.welcomed()
        except BaseException as error:
            await self._abandon(connection, error)
            raise

    async def _abandon(self, connection: Connection, error: BaseException) -> None:
        if connection.is_welcomed:
            is_cancelled = isinstance(error, asyncio.CancelledError)
            self._deliver(Disconnected(Disconnection.RELOAD if is_cancelled else Disconnection.TRANSPORT))
        await connection.close()

    def _text_for_page(self, error: ConnectError) -> str:
        """Return the error text for the landing page, which does not show paths; the log does."""
        if isinstance(error.__cause__, TokenError):
            return f"the token of account {self._service.account.name} {error.__cause__.problem}"
        return str(error)

    def _log_connected(self) -> None:
        self._log.info("stream connected")

    def _log_end(self, reason: Disconnection, times: int) -> None:
        fields = {"reason": reason.value} | ({"times": times} if times > 1 else {})
        if reason is Disconnection.SERVER and times < REPEATED_CLOSES:
            # Normal after OFF: the service closes the stream, and a new one waits for the next session.
            self._log.info("the service closed the stream; connecting again", **fields)
        elif reason is Disconnection.SERVER:
            self._log.warning("the service closed the stream repeatedly; check the service", **fields)
        else:
            self._log.warning("stream lost; connecting again", **fields)

    def _fails_no_more(self, but: ConnectFailure | None = None) -> None:
        """Remove this charger from those that fail now, for all reasons but one."""
        for reason, failing in self._service.failing.items():
            if reason is not but:
                failing.pop(self._target.charger_id, None)

    def _log_failure(self, error: ConnectError) -> None:
        """Log a failure of a charger at its 1st, 2nd, 4th, 8th ... time.

        If many chargers of an account fail for the same reason, log only some of them, with the number of chargers.
        """
        reason = error.reason
        self._fails_no_more(but=reason)
        failing = self._service.failing[reason]
        rank = failing.setdefault(self._target.charger_id, len(failing) + 1)
        attempts = self._failures.times_if_due(reason, asyncio.get_running_loop().time())
        if attempts and (rank <= MANY_FAIL or rank.bit_count() == 1):
            fields = {"reason": reason.value, "attempts": attempts, "chargers_failing": len(failing)}
            self._log.warning("cannot connect", **fields, error=str(error))
