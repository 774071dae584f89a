"""Damaged state files that were set aside: `state.db.damaged-1`, `-2`, and so on."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exporter.state.state_file import parts_of


@dataclass(frozen=True, slots=True)
class SetAside:
    """The new name of a damaged state file, the damage, and whether the totals could be kept."""

    file: Path
    reason: str
    has_kept_totals: bool = False


def set_aside(file: Path) -> Path:
    """Rename a damaged file and its journal to a free name."""
    aside = free_name(file)
    for part, new in zip(parts_of(file), parts_of(aside), strict=True):
        with suppress(FileNotFoundError):
            part.rename(new)
    return aside


def free_name(file: Path) -> Path:
    """Return an unused name for a damaged file."""
    return file.with_name(f"{file.name}.damaged-{max((0, *_numbers(file))) + 1}")


def count(file: Path) -> int:
    """Return how many damaged files were set aside and still exist."""
    return len(_numbers(file))


def _numbers(file: Path) -> set[int]:
    named = (re.match(r"\.damaged-(\d+)", path.name.removeprefix(file.name)) for path in file.parent.iterdir())
    return {int(match[1]) for match in named if match}
