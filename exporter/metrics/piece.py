"""A part of a page. It is kept while its text stays the same, and so is its compressed form."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deflated:
    """Blocks of the format of RFC 1951, none of which is the last and which end at a byte, and the text's checksum."""

    blocks: bytes
    checksum: int


@dataclass(slots=True, eq=False)
class Piece:
    """A text, and its form for gzip once it was compressed."""

    text: bytes
    deflated: Deflated | None = None
