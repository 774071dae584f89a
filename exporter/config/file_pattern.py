"""Glob patterns as the standard library reads them, but for one thing: a folder that cannot be listed is an error.

To `glob` such a folder is an empty one, and whatever was in it would seem to be gone.
"""

import errno
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

_WILD: Final = re.compile(r"[*?[]")
_ESCAPED: Final = re.compile(r"\[([*?[])\]")
# No such folder, no folder at all, or a link that leads back to itself: nothing is in there.
_NOTHING_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def matches(pattern: str) -> list[Path]:
    """What matches and is no folder, in order of name; raises OSError for a folder that cannot be looked into.

    `*`, `?` and `[...]` mean what they mean in a shell, `**` any folders, or none.
    """
    found = {Path()}
    for part in Path(pattern).parts:
        found = {deeper for path in found for deeper in _step(path, part)}
    # What cannot be looked at stays: whoever reads it finds out why.
    return sorted(path for path in found if not os.path.isdir(path))  # noqa: PTH112 - Path.is_dir would raise


def _step(folder: Path, part: str) -> Iterator[Path]:
    if part == "**":
        if folder.is_dir():
            yield folder
            yield from _below(folder)
    elif _WILD.search(_ESCAPED.sub("", part)):
        for name in _names(folder):
            if fnmatchcase(name, part) and (part.startswith(".") or not name.startswith(".")):
                yield folder / name
    else:
        path = folder / _ESCAPED.sub(r"\1", part)
        if _exists(path):
            yield path


def _below(folder: Path) -> Iterator[Path]:
    for name in _names(folder):
        if not name.startswith("."):
            yield folder / name
            yield from _below(folder / name)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - a pattern is about names
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return []
        raise


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return False
        raise
    return True
