"""The end of a connection: disconnect, and free all that the client library holds.

The library may ignore a cancellation, wait without a limit, or keep a closed connection in reference cycles.
"""

import asyncio
import contextlib
from typing import Final

from exporter.errors import release_frames
from exporter.stream.diagnosis import HandshakeEvidence
from exporter.stream.http_sessions import evidence_of_attempt
from exporter.stream.socketio_client import Client, Transport, registries_of_clients

CLOSE_SECONDS: Final = 1.0
CANCELLATIONS: Final = 3


def loops_of(transport: Transport) -> set[asyncio.Task[None]]:
    """Return the library's tasks for a connection."""
    return {task for task in (transport.read_loop_task, transport.write_loop_task) if task is not None}


async def cancel(connecting: asyncio.Task[None]) -> None:
    """Cancel a handshake. The library may ignore a cancellation and open a connection that is never closed."""
    for _ in range(CANCELLATIONS):
        if connecting.done():
            break
        connecting.cancel()
        await asyncio.wait({connecting}, timeout=CLOSE_SECONDS)


async def disconnect(client: Client, evidence: HandshakeEvidence) -> None:
    """Disconnect from the service if possible, and end the library's tasks and its websocket."""
    transport = client.eio
    # If the service restarts, all websockets close at once. To send nothing and wait for nothing saves 4 KB for each.
    if transport.ws is None or not transport.ws.closed:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await _send_disconnect(client, evidence)
    transport.state = "disconnected"
    transport.stop_pings()
    loops = {task for task in loops_of(transport) if not task.done()}
    for task in loops:
        task.cancel()
    if loops:
        await asyncio.wait(loops, timeout=CLOSE_SECONDS)
    for registry in registries_of_clients():
        if transport in registry:
            registry.remove(transport)
    if transport.ws is None:
        return
    if not transport.ws.closed:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await transport.ws.close()
    transport.ws.release()


def break_cycles(client: Client, evidence: HandshakeEvidence, futures: set[asyncio.Future[None]]) -> None:
    """Break the reference cycles of the library, so that a closed connection is freed without a garbage collection.

    Collections block the event loop, and thousands of connections that end together would cause many.
    """
    transport = client.eio
    # asyncio logs exceptions that nobody retrieved, and these may hold a token.
    errors = [future.exception() for future in futures if future.done() and not future.cancelled()]
    for error in filter(None, [*errors, evidence.exception]):
        release_frames(error)
    if all(future.done() for future in futures):
        client.__dict__.clear()
        transport.__dict__.clear()


async def _send_disconnect(client: Client, evidence: HandshakeEvidence) -> None:
    transport = client.eio
    if transport.state == "connected" and transport.current_transport == "polling":
        outside = evidence_of_attempt.set(evidence)
        try:
            await transport.close_polling(CLOSE_SECONDS)
        finally:
            evidence_of_attempt.reset(outside)
        return
    await client.disconnect()
    if transport.write_loop_task is not None:
        await asyncio.wait({transport.write_loop_task})
