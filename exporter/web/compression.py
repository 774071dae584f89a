"""Compression of answers: gzip, and zstd where a library for it is installed.

gzip is by ISA-L if its wheel is installed: 10 ms for the page of 10,000 chargers, against 92 ms by zlib.
"""

import importlib
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from exporter.metrics.piece import Piece

# The header of RFC 1952 without name and time, of the fastest compression and an unknown system.
GZIP_HEADER: Final = bytes.fromhex("1f8b 08 00 00000000 04 ff")
EMPTY_LAST_BLOCK: Final = b"\x03\x00"
# Level 1 of each: docs/benchmarks.md compares them.
LEVEL: Final = 1


def _first(*modules: str) -> Any:
    """Return the first of these modules that is installed, or None."""
    for module in modules:
        with suppress(ImportError):
            return importlib.import_module(module)
    return None


_GZIP: Final = _first("isal.isal_zlib") or zlib
_ZSTD: Final = _first("compression.zstd", "backports.zstd")

_COMPRESSORS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    **({"zstd": lambda text: _ZSTD.compress(text, LEVEL)} if _ZSTD else {}),
    "gzip": lambda text: _deflated(text),
}
# The content encodings, the best first.
ENCODINGS: Final = tuple(_COMPRESSORS)
IDENTITY: Final = "identity"


def compressed(pieces: Sequence[Piece], encoding: str) -> list[bytes]:
    """Return the pieces in a content encoding. Each is compressed by itself, once."""
    if encoding == IDENTITY:
        return [piece.text for piece in pieces]
    parts = [_compressed(piece, encoding) for piece in pieces]
    # Frames of zstd may follow each other. Members of gzip may too, but curl rejects them, so the pieces are one.
    return [GZIP_HEADER, *parts, _gzip_end(pieces)] if encoding == "gzip" else parts


def _compressed(piece: Piece, encoding: str) -> bytes:
    if encoding not in piece.compressed:
        piece.compressed[encoding] = _COMPRESSORS[encoding](piece.text)
    return piece.compressed[encoding]


def _deflated(text: bytes) -> bytes:
    """Return blocks of the format of RFC 1951, none of which is the last. They end at a byte."""
    compressor = _GZIP.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    return bytes(compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH))


def _gzip_end(pieces: Sequence[Piece]) -> bytes:
    """Return an empty last block and the end of a gzip file: checksum and size (RFC 1952)."""
    checksum = size = 0
    for piece in pieces:
        checksum = _GZIP.crc32(piece.text, checksum)
        size += len(piece.text)
    return EMPTY_LAST_BLOCK + struct.pack("<II", checksum, size & 0xFFFFFFFF)
