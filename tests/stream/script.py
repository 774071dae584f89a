"""A server that sends exactly the frames that a test gives it."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

JOINED = '40{"sid":"scripted"}'  # the older client reads only the 40


def opening(ping_milliseconds: int = 25_000) -> str:
    """The frame with which a server opens a transport."""
    times = {"pingInterval": ping_milliseconds, "pingTimeout": ping_milliseconds}
    return "0" + json.dumps({"sid": "scripted", "upgrades": [], **times})


@asynccontextmanager
async def scripted(
    frames: Sequence[str | bytes], tls: ssl.SSLContext | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """The address of a websocket server that sends `frames` to every client and ignores what it receives."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        socket.headers.update(headers or {})
        await socket.prepare(request)
        for frame in frames:
            await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/socket.io/", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
