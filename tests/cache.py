"""A folder outside the repository for what tests fetch once and use often."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UnavailableError(Exception):
    """Something from outside cannot be had on this machine; the text says why."""


def folder() -> Path:
    """The cache folder of this project, made if need be."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = base / "vecharge-exporter"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds one lock of the cache, so that parallel runs fetch a thing once instead of over each other."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released by the close, and by the kernel if this process dies
        yield
