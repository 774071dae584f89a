"""A part of a page. It is kept while its text stays the same, and so are its compressed forms."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A text, and its compressed forms by content encoding."""

    text: bytes
    compressed: dict[str, bytes] = field(default_factory=dict)
