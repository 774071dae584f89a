"""Handles standard streams that are closed, full or broken."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

import click

from exporter.errors import cause_of

_CANNOT_WRITE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)


@contextmanager
def guarded() -> Iterator[None]:
    """While the block runs, output that cannot be written ends the program with one line and status 1.

    A log that cannot be written only loses its lines: see logs.py.
    """
    _open_closed()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _CANNOT_WRITE or error.filename is not None:
            raise
        # Python flushes it again when it exits: its buffer goes to /dev/null.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        with suppress(OSError):
            click.echo(f"vecharge-exporter: standard output cannot be written ({cause_of(error)})", err=True)
        sys.exit(1)


def _open_closed() -> None:
    """Open /dev/null for each closed stream.

    Otherwise a socket could get its number: log lines would go to a client, and libuv aborts when it is closed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # It gets the lowest free number, which is this one.
    # Python has None for a stream that was closed when it started.
    sys.stdin = sys.stdin or _stream(0, "r")
    sys.stdout = sys.stdout or _stream(1, "w")
    sys.stderr = sys.stderr or _stream(2, "w")


def _stream(descriptor: int, mode: str) -> TextIO:
    return open(descriptor, mode, encoding="utf-8", closefd=False)  # type: ignore[return-value]
