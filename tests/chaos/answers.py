"""Servers that take the place of the service and misbehave in the handshake."""

import asyncio
from collections.abc import Mapping

from tests.chaos.proxy import Answer


def http(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Responds to every request with this status and body."""
    fields = {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    head = f"HTTP/1.1 {status} Answer\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return raw(head.encode() + b"\r\n" + body)


def raw(answer: bytes) -> Answer:
    """Responds to every request with these bytes and closes the connection."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return respond


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Responds to a request with an endless body."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Accepts the request and never responds."""
    while await reader.read(65_536):
        pass
