"""The certificate of the benchmarks' services, when streams are encrypted as those of the real one are."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Authority


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files: a server's certificate and key, and the authority that clients trust."""

    certificate: Path
    key: Path
    authority: Path


@contextmanager
def issued() -> Iterator[Certificate]:
    """A certificate for this machine, which goes with the block."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        yield Certificate(*authority.issue("service"), authority.file)
