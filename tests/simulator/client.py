"""A client of the simulated service that records events: python-socketio's, not the exporter's."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import aiohttp
import socketio
from engineio.packet import CLOSE, Packet
from engineio.payload import Payload

from exporter.simulator import Simulator

DEADLINE_SECONDS = 10.0


class Recorder(socketio.AsyncClientNamespace):  # type: ignore[misc]  # the library is not typed
    """Records every event of the default namespace, including `connect`, `connect_error` and `disconnect`."""

    def __init__(self) -> None:
        super().__init__("/")
        self.events: list[tuple[str, Any]] = []
        self._changed = asyncio.Condition()

    async def trigger_event(self, event: str, *payloads: Any) -> None:
        async with self._changed:
            self.events.append((event, payloads[0] if payloads else None))
            self._changed.notify_all()

    def payloads(self, event: str) -> list[Any]:
        """The payloads of the events of this name, in order."""
        return [decoded(payload) for name, payload in self.events if name == event]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that events cause."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(condition)

    async def wait_for(self, event: str, count: int = 1) -> Any:
        """Wait for this number of events of this name; return the payload of the last one."""
        await self.until(lambda: [name for name, _ in self.events].count(event) >= count)
        return self.payloads(event)[count - 1]


def decoded(payload: Any) -> Any:
    """The decoded payload if it is JSON text, else the payload."""
    if isinstance(payload, str):
        with contextlib.suppress(ValueError):
            return json.loads(payload)
    return payload


@contextlib.asynccontextmanager
async def listening(
    simulator: Simulator,
    charger_id: str,
    *,
    token: str | None = None,
    transports: Sequence[str] = ("websocket",),
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[Recorder, Any]]:
    """A client connected to a charger: its recorder, and the library's client."""
    recorder = Recorder()
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) if tls else None
    client = socketio.AsyncClient(reconnection=False, http_session=session)
    client.register_namespace(recorder)
    query = urlencode({"token": f"Bearer {token or simulator.token}", "chargerId": charger_id})
    # python-socketio 5 raises; 4 only calls the handler of the event.
    with contextlib.suppress(socketio.exceptions.ConnectionError):
        await client.connect(f"{simulator.url}?{query}", transports=list(transports))
    try:
        yield recorder, client
    finally:
        if client.eio.state == "connected" and client.eio.current_transport == "polling":
            await _send_close(client.eio)
        await client.disconnect()
        await _end(client.eio)


async def _send_close(transport: Any) -> None:
    """Send the close packet: on Python 3.12 and later the library ends before it has sent it."""
    body = Payload(packets=[Packet(CLOSE)]).encode()
    kind = "application/octet-stream" if isinstance(body, bytes) else "text/plain"
    # The server may have stopped.
    with contextlib.suppress(aiohttp.ClientError):
        async with transport.http.post(transport.base_url, headers={"Content-Type": kind}, data=body):
            pass


async def _end(transport: Any) -> None:
    """Close what the library leaves open: the transport, its tasks and the HTTP session."""
    await transport.disconnect(abort=True)
    if transport.write_loop_task:
        # Over polling it may still have to send the disconnect.
        await asyncio.wait([transport.write_loop_task], timeout=DEADLINE_SECONDS)
    for task in (transport.read_loop_task, getattr(transport, "ping_loop_task", None)):
        if task:
            task.cancel()
            await asyncio.wait([task], timeout=DEADLINE_SECONDS)
    if transport.http:
        await transport.http.close()
