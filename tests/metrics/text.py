"""The text of a page."""

from collections.abc import Iterable, Sequence

from exporter.metrics.page import Page
from exporter.metrics.piece import Piece


def joined(pieces: Iterable[Piece]) -> bytes:
    return b"".join(piece.text for piece in pieces)


async def no_commit(_ready: Sequence[Piece]) -> None:
    """Nothing to wait for."""


async def text_of(page: Page, *, openmetrics: bool = False) -> bytes:
    """The page without a commit: it shows the totals that are on disk."""
    return joined(await page.pieces(openmetrics=openmetrics, wait_for_commit=no_commit))
