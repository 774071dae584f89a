"""A part of a page. It is kept while its text stays the same, and so is its compressed form."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Piece:
    """A text, and its form for gzip once it was compressed."""

    text: bytes
    deflated: bytes | None = None
