"""The rows of compression: each content encoding of the exporter against zlib, on the same page."""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from benchmarks.rows import Row, faster, quantity
from exporter.metrics.piece import Piece
from exporter.web.compression import ENCODINGS, compressed

PIECE_BYTES: Final = 2**19  # about as large as the lines of one metric
ZLIB_LEVEL: Final = 4
BAR: Final = 4.0


def measure(page: bytes, rounds: int) -> Iterator[Row]:
    """A row for each encoding."""
    pieces = [page[start : start + PIECE_BYTES] for start in range(0, len(page), PIECE_BYTES)]
    for encoding in ENCODINGS:
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(_measured(lambda: compressed(list(map(Piece, pieces)), encoding)))  # noqa: B023 - called at once
            theirs.append(_measured(lambda: _zlib(pieces)))
        row = faster(f"{encoding} of the page against zlib", [s for s, _ in ours], [s for s, _ in theirs], BAR)
        sizes = f"{quantity(ours[0][1] / 1024, 'KB')} against {quantity(theirs[0][1] / 1024, 'KB')}"
        yield replace(row, figure=f"{row.figure}, {sizes}")


def _measured(compress: Callable[[], Sequence[bytes]]) -> tuple[float, int]:
    """Seconds of processor time, and bytes."""
    started = time.process_time()
    size = sum(map(len, compress()))
    return time.process_time() - started, size


def _zlib(pieces: Sequence[bytes]) -> list[bytes]:
    compressor = zlib.compressobj(ZLIB_LEVEL, wbits=16 + zlib.MAX_WBITS)
    return [*map(compressor.compress, pieces), compressor.flush()]
