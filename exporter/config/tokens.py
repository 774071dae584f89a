"""The token of an account: where it comes from, and when it expires.

A token is a secret: no message, no `repr()` and no `str()` of this file ever holds one.
"""

import asyncio
import base64
import binascii
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from exporter.config import files
from exporter.errors import TokenError

# How long a handshake waits for its token; the volume that holds it may hang.
READ_SECONDS = 5.0
# Far above any JWT: a path that names the wrong file (or a device) must not fill the memory.
_MAX_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Exactly one of a file, an environment variable or the token itself."""

    file: Path | None = None
    variable: str | None = None
    literal: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.file, self.variable, self.literal).count(None) != 2:
            raise ValueError("a token has exactly one source")

    def __str__(self) -> str:
        if self.file is not None:
            return f"token file {self.file}"
        if self.variable is not None:
            return f"environment variable {self.variable}"
        return "token in the configuration"

    def read(self) -> str:
        """The token as it is now, without the word `Bearer`; raises TokenError.

        Read afresh at every call: tokens live about 90 days, and are exchanged while the exporter runs.
        """
        token = bare(self._text())
        if not token:
            raise TokenError(self, "is empty: put the token of the veCharge account there")
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise TokenError(self, "holds more than one token: put one word there, in plain ASCII")
        return token

    def _text(self) -> str:
        if self.file is not None:
            return self._text_of(self.file)
        if self.variable is not None:
            try:
                return os.environ[self.variable]
            except KeyError:
                raise TokenError(self, "is not set: set it to the token of the veCharge account") from None
        return self.literal or ""

    def _text_of(self, file: Path) -> str:
        try:
            content = files.read(file, _MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise TokenError(self, files.unreadable(error)) from error
        if len(content) > _MAX_BYTES:
            raise TokenError(self, f"is larger than {_MAX_BYTES} bytes: is it the right file?")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise TokenError(self, "is not a text file: is it the right file?") from None


class TokenReader:
    """Reads the token of an account for its streams, off the event loop.

    Streams that ask at the same time share one reading, so that a volume that hangs takes one thread.
    """

    def __init__(self, source: TokenSource, timeout_seconds: float = READ_SECONDS) -> None:
        self._source = source
        self._timeout = timeout_seconds
        self._reading: asyncio.Task[str] | None = None

    async def read(self) -> str:
        """The token as it is now; raises TokenError, also after the timeout."""
        if self._source.file is None:
            return self._source.read()
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(asyncio.to_thread(self._source.read), name="read token")
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(self._reading)
        except TimeoutError:
            problem = f"cannot be read within {self._timeout:g} s: check the volume that it is on"
            raise TokenError(self._source, problem) from None
        except RuntimeError as error:
            problem = "cannot be read, no thread is left: raise the limit of tasks (ulimit -u, TasksMax=)"
            raise TokenError(self._source, problem) from error


def bare(token: str) -> str:
    """The token without the word `Bearer` that people copy along with it, and without white space around."""
    first, _, rest = token.strip().partition(" ")
    return rest.strip() if first.lower() == "bearer" else token.strip()


def expiry_of(token: str) -> float | None:
    """When a JWT expires (`exp`, unix seconds); None for what is no JWT or has no expiry.

    The signature is not looked at: only the service holds the key.
    """
    parts = bare(token).split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        expiry = msgspec.json.decode(payload, type=_Claims).exp
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None
    return expiry if expiry is not None and math.isfinite(expiry) else None


class _Claims(msgspec.Struct):
    exp: float | None = None
