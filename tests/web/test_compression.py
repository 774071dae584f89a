"""Any client can decompress a response."""

import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable

import pytest
from backports import zstd

from exporter.metrics.piece import Piece
from exporter.web.compression import ENCODINGS, IDENTITY, compressed
from tests.processes import SECONDS
from tests.web.site import Site

TEXTS = [b"some text ", b"", b"and more of it " * 1000]
READ: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "zstd": zstd.decompress, IDENTITY: bytes}


@pytest.mark.parametrize("encoding", READ)
def test_a_compressed_body_decompresses_to_the_same_text(encoding: str) -> None:
    assert READ[encoding](b"".join(compressed(list(map(Piece, TEXTS)), encoding))) == b"".join(TEXTS)


def test_a_gzip_body_has_one_member() -> None:
    """Curl rejects a body with two."""
    decompressor = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    decompressor.decompress(b"".join(compressed(list(map(Piece, TEXTS)), "gzip")))
    assert decompressor.eof
    assert not decompressor.unused_data


def test_a_zstd_body_has_one_frame() -> None:
    """aiohttp rejects a body with two: https://github.com/aio-libs/aiohttp/issues/12234."""
    decompressor = zstd.ZstdDecompressor()
    decompressor.decompress(b"".join(compressed(list(map(Piece, TEXTS)), "zstd")))
    assert decompressor.eof
    assert not decompressor.unused_data


def test_a_piece_is_deflated_once() -> None:
    piece = Piece(b"some text")
    compressed([piece], "gzip")
    kept = piece.deflated
    body = compressed([Piece(b"new "), piece], "gzip")
    assert kept is not None
    assert any(part is kept.blocks for part in body)
    assert gzip.decompress(b"".join(body)) == b"new some text"


def test_zstd_is_preferred_over_gzip() -> None:
    assert ENCODINGS == ("zstd", "gzip")


@pytest.mark.parametrize(("path", "start"), [("/metrics", b"in text"), ("/api/v1/chargers", b'{"timestamp_seconds"')])
@pytest.mark.parametrize("encoding", READ)
async def test_a_response_has_its_encoding_and_length(site: Site, path: str, start: bytes, encoding: str) -> None:
    response, body = await site.get(path, Accept_Encoding=encoding)
    assert response.headers.get("Content-Encoding", IDENTITY) == encoding
    assert int(response.headers["Content-Length"]) == len(body)
    assert READ[encoding](body).startswith(start)


WITHOUT_LIBRARIES = """
import sys
sys.modules.update({"isal.isal_zlib": None, "compression.zstd": None, "backports.zstd": None})
from exporter.metrics.piece import Piece
from exporter.web.compression import ENCODINGS, compressed
assert ENCODINGS == ("gzip",)
sys.stdout.buffer.write(b"".join(compressed([Piece(b"some "), Piece(b"text")], "gzip")))
"""


def test_without_the_optional_libraries_zlib_compresses() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_LIBRARIES], capture_output=True, check=True, timeout=SECONDS)
    assert gzip.decompress(done.stdout) == b"some text"
