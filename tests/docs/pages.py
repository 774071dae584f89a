"""The blocks of commands and files in the pages for users."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
# The pages whose commands a user types from top to bottom.
TYPED: Final = ("README.md", "docs/home.md", "docs/fleet.md", "docs/bill.md", "docs/install.md")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block shows: its first line is a comment that names it."""
        named = re.match(r"# ([\w./-]+\.(?:yml|json))\n", self.text)
        return named[1] if named else None

    @property
    def commands(self) -> list[str]:
        """One command each, without comments; continued lines are joined."""
        joined = self.text.replace("\\\n", " ")
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
        return [re.sub(r"\s+", " ", line) for line in lines if line]


def blocks(page: str) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE):
        yield Block(language, text)
