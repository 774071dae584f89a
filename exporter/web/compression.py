"""Compression of answers: gzip, and zstd where a library for it is installed.

gzip is by ISA-L if its wheel is installed: 10 ms for the page of 10,000 chargers, against 92 ms by zlib.
"""

import importlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

GZIP_BITS: Final = 16 + zlib.MAX_WBITS
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

_COMPRESSORS: Final[Mapping[str, Callable[[], Any]]] = {
    **({"zstd": lambda: _ZSTD.ZstdCompressor(level=LEVEL)} if _ZSTD else {}),
    "gzip": lambda: _GZIP.compressobj(LEVEL, wbits=GZIP_BITS),
}
# The content encodings, the best first.
ENCODINGS: Final = tuple(_COMPRESSORS)
IDENTITY: Final = "identity"


def compressed(pieces: Iterable[bytes], encoding: str) -> list[bytes]:
    """Return the pieces in a content encoding."""
    if encoding == IDENTITY:
        return list(pieces)
    compressor = _COMPRESSORS[encoding]()
    return [*map(compressor.compress, pieces), compressor.flush()]
