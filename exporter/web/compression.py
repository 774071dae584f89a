"""Compression of answers: gzip, and zstd where a library for it is installed.

gzip is by ISA-L if its wheel is installed: 10 ms for the page of 10,000 chargers, against 92 ms by zlib.
"""

import importlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from exporter.metrics.piece import Deflated, Piece

# The header of RFC 1952 without name and time, of the fastest compression and an unknown system.
_GZIP_HEADER: Final = bytes.fromhex("1f8b 08 00 00000000 04 ff")
_EMPTY_LAST_BLOCK: Final = b"\x03\x00"
# Level 1 of each: docs/benchmarks.md compares them.
LEVEL: Final = 1


def _first(*modules: str) -> Any:
    """Return the first of these modules that is installed, or None."""
    for module in modules:
        with suppress(ImportError):
            return importlib.import_module(module)
    return None


_GZIP: Final = _first("isal.isal_zlib") or zlib
# The checksum of two texts from those of each. zlib has it from Python 3.15 on.
_COMBINE: Final = getattr(_GZIP, "crc32_combine", None)
_ZSTD: Final = _first("compression.zstd", "backports.zstd")

GZIP: Final = "gzip"
IDENTITY: Final = "identity"
# The content encodings, the best first.
ENCODINGS: Final = (*(("zstd",) if _ZSTD else ()), GZIP)


def compressed(pieces: Sequence[Piece], encoding: str) -> list[bytes]:
    """Return the pieces in a content encoding.

    gzip compresses a piece only once. The body has one member, and with zstd one frame: curl rejects a second member,
    aiohttp before 3.14 a second frame (https://github.com/aio-libs/aiohttp/issues/12234).
    """
    match encoding:
        case "zstd":
            compressor = _ZSTD.ZstdCompressor(level=LEVEL)
            return [*(compressor.compress(piece.text) for piece in pieces), compressor.flush()]
        case "gzip":
            return [_GZIP_HEADER, *(_deflated(piece).blocks for piece in pieces), _gzip_end(pieces)]
        case _:
            return [piece.text for piece in pieces]


def deflate(pieces: Iterable[Piece]) -> None:
    """Compress pieces of a later body in gzip."""
    for piece in pieces:
        _deflated(piece)


def _deflated(piece: Piece) -> Deflated:
    if piece.deflated is None:
        compressor = _GZIP.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
        blocks = compressor.compress(piece.text) + compressor.flush(zlib.Z_SYNC_FLUSH)
        piece.deflated = Deflated(blocks, _GZIP.crc32(piece.text))
    return piece.deflated


def _gzip_end(pieces: Sequence[Piece]) -> bytes:
    """Return an empty last block and the end of a gzip file: checksum and size (RFC 1952)."""
    checksum = size = 0
    for piece in pieces:
        if _COMBINE is None:
            checksum = _GZIP.crc32(piece.text, checksum)
        else:
            checksum = _COMBINE(checksum, _deflated(piece).checksum, len(piece.text))
        size += len(piece.text)
    return _EMPTY_LAST_BLOCK + struct.pack("<II", checksum, size & 0xFFFFFFFF)
