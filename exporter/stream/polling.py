"""HTTP bodies with a limit, and the packets of a polling reply.

python-engineio 3.14.2 accepts any length in a reply. A negative one blocks the event loop forever.
It also counts characters where JavaScript counts UTF-16 units.
"""

import re
from collections.abc import Iterator
from typing import Final

import aiohttp

# aiohttp's own limit of a websocket message.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
# A reply holds all packets since the last one, which are often more than the library's limit of 16.
MAX_PACKETS: Final = 100_000

_TEXT_LENGTH: Final = re.compile(rb"(?:[0-9]\0){1,8}:\0")
_BINARY_LENGTH: Final = re.compile(rb"[\0\1]([\0-\11]{1,8})\xff")


class BoundedResponse(aiohttp.ClientResponse):
    """A response that raises ValueError if its body is longer than MAX_BODY_BYTES."""

    async def read(self) -> bytes:
        """Return the body."""
        if self._body is None:
            body = bytearray()
            async for piece in self.content.iter_any():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    self.close()
                    raise ValueError("the body is too long")
            self._body = bytes(body)
        return self._body


def packets_of(encoded: bytes) -> list[str | bytes]:
    """Return the encoded packets of an Engine.IO 3 polling reply; raise ValueError if it is not one."""
    parts = _binary_parts(encoded) if encoded[:1] in (b"\0", b"\1") else _text_parts(encoded)
    packets: list[str | bytes] = []
    for part in parts:
        if not part or len(packets) == MAX_PACKETS:
            raise ValueError("the reply holds an empty packet, or too many")
        packets.append(part)
    if not packets:
        raise ValueError("the reply holds no packet")
    return packets


def _text_parts(encoded: bytes) -> Iterator[str]:
    """Yield the packets of repeated `LENGTH:PACKET`; lengths are in UTF-16 units."""
    units = encoded.decode().encode("utf-16-le")
    at = 0
    while at < len(units):
        found = _TEXT_LENGTH.match(units, at)
        if found is None:
            raise ValueError("the reply holds an invalid length")
        length = int(found[0].decode("utf-16-le")[:-1])
        at = found.end() + 2 * length
        yield units[found.end() : at].decode("utf-16-le")


def _binary_parts(encoded: bytes) -> Iterator[bytes]:
    """Yield the packets. Each is a byte for the kind, the digits of its length as bytes, 255, and its content."""
    at = 0
    while at < len(encoded):
        found = _BINARY_LENGTH.match(encoded, at)
        if found is None:
            raise ValueError("the reply holds an invalid length")
        at = found.end() + int("".join(str(digit) for digit in found[1]))
        yield encoded[found.end() : at]
