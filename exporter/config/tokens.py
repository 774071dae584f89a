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

from exporter.config import files as regular_file
from exporter.config.threads import in_thread
from exporter.errors import TokenError

# A handshake waits for its token so long; the volume that holds it may be gone.
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
            content = regular_file.read(file, _MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise TokenError(self, regular_file.unreadable(error)) from error
        if len(content) > _MAX_BYTES:
            raise TokenError(self, f"is larger than {_MAX_BYTES} bytes: is it the right file?")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise TokenError(self, "is not a text file: is it the right file?") from None


class TokenReader:
    """Reads the token of an account for its streams: off the event loop, once for all who ask at the same time."""

    def __init__(self, source: TokenSource, limit_seconds: float = READ_SECONDS) -> None:
        self._source = source
        self._limit = limit_seconds
        self._reading: asyncio.Future[str] | None = None
        self._deadline = 0.0

    async def read(self) -> str:
        """The token as it is now; raises TokenError, also if reading it takes too long."""
        if self._source.file is None:
            return self._source.read()
        loop = asyncio.get_running_loop()
        if self._reading is None or self._reading.done():
            self._reading = in_thread(self._source.read, "token")
            self._deadline = loop.time() + self._limit
        reading = self._reading
        # While one hangs, all share it: threads do not pile up, and after the first nobody waits for it any more.
        await asyncio.wait({reading}, timeout=self._deadline - loop.time())
        if not reading.done():
            raise TokenError(
                self._source, f"cannot be read within {self._limit:g} s: look at the volume that it lies on"
            )
        try:
            return reading.result()
        except RuntimeError as error:
            raise TokenError(
                self._source, "cannot be read, no thread is left: raise the limit of tasks (ulimit -u, TasksMax=)"
            ) from error


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
