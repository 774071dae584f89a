"""The token of an account: where it comes from, and when it expires.

A token is a secret: messages, `repr()` and `str()` never contain one.
"""

import asyncio
import base64
import math
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from exporter.config import files
from exporter.daemon_thread import in_daemon_thread
from exporter.errors import TokenError

# Timeout of reading a token file, since its volume may hang.
READ_SECONDS = 5.0
# Quotes of shells, YAML and word processors.
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_DAY_SECONDS = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Exactly one of a file, an environment variable or the token itself."""

    file: Path | None = None
    variable: str | None = None
    literal: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        if self.file is not None:
            return f"token file {self.file}"
        if self.variable is not None:
            return f"environment variable {self.variable}"
        return "token in the configuration"

    def read(self) -> str:
        """Return the token without the word `Bearer`; raise TokenError.

        It is read again at every call: tokens live about 90 days and are renewed while the exporter runs.
        """
        token = bare(self._text())
        problem = _problem_of(token)
        if problem is not None:
            raise TokenError(self, problem)
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
            content = files.read(file)
        except (OSError, ValueError) as error:
            raise TokenError(self, files.unreadable(error)) from error
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
        self._reading: asyncio.Future[str] | None = None

    async def read(self) -> str:
        """Return the token as it is now; raise TokenError, also after the timeout."""
        if self._source.file is None:
            return self._source.read()
        if self._reading is None or self._reading.done():
            self._reading = in_daemon_thread(self._source.read)
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(self._reading)
        except TimeoutError:
            problem = f"cannot be read within {self._timeout:g} s: check the volume that it is on"
            raise TokenError(self._source, problem) from None
        except RuntimeError as error:
            problem = "cannot be read (no thread can be started): raise the limit of tasks (ulimit -u, TasksMax=)"
            raise TokenError(self._source, problem) from error


def bare(token: str) -> str:
    """Return the token without white space around it and without the word `Bearer`, which people copy with it."""
    first, *rest = token.split(None, 1) or [""]
    return "".join(rest).strip() if first.lower() == "bearer" else token.strip()


def _problem_of(token: str) -> str | None:
    """Return why a text cannot be a token, without showing any of it; None if it can."""
    if not token:
        return "is empty: put the token of the veCharge account there"
    if token[0] in _QUOTES or token[-1] in _QUOTES:
        return "has quotes around it: remove them (Docker's --env-file takes quotes as part of the value)"
    words = len(token.split())
    if words > 1:
        return f"contains {words} words: put one token there, alone or after the word Bearer"
    if not token.isascii() or not token.isprintable():
        return "contains a character that no token has: copy the token again"
    return None


def expiry_of(token: str) -> float | None:
    """Return when a JWT expires (`exp`, unix seconds); None if it is not a JWT or has no expiry.

    The signature is not verified: only the service holds the key.
    """
    parts = bare(token).split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        expiry = msgspec.json.decode(payload, type=_Claims).exp
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    return expiry if expiry is not None and math.isfinite(expiry) else None


def expiry_text(expiry_unix: float | None, now_unix: float) -> str:
    """Return the day of an expiry and the days until then: `2026-04-01 (90 days left)`; `-` if it is not known."""
    if expiry_unix is None:
        return "-"
    try:
        day = datetime.fromtimestamp(expiry_unix, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "never"
    days = int(abs(expiry_unix - now_unix) // _DAY_SECONDS)
    count = "1 day" if days == 1 else f"{days} days"
    return f"{day} ({count} left)" if expiry_unix > now_unix else f"{day} ({count} ago)"


def expired_on(token: str, now_unix: float) -> str | None:
    """Return when a token expired, as `expiry_text` writes it; None if it has not, or has no expiry."""
    expiry_unix = expiry_of(token)
    return expiry_text(expiry_unix, now_unix) if expiry_unix is not None and expiry_unix <= now_unix else None


class _Claims(msgspec.Struct):
    exp: float | None = None
