"""The errors of the exporter.

    ExporterError
    ├── ConfigError        the configuration is not valid (exit status 2)
    ├── DecodeError        a payload of the service cannot be decoded
    ├── TokenError         the token of an account cannot be read: names its file or variable
    ├── ConnectError       a stream cannot connect: has the reason and what to do
    ├── ListenError        the exporter cannot listen on an address
    ├── StateError         the state file cannot be used
    ├── HealthError        an exporter does not answer that it is healthy
    └── RecordingError     a recording cannot be read: names the line and what is wrong with it

Every message is written in this project and safe to log: it never has a token, a phone number, a user id or an address.
The text of another library's exception may have one (aiohttp puts the URL with the token into some), so it is never
copied; `cause_of` returns the part that may be logged.
"""

import os
import ssl
from enum import StrEnum


class ExporterError(Exception):
    """The root of the tree. Its text is one line that says what is wrong and what to do."""


class ConfigError(ExporterError):
    """The configuration is not valid: each of `problems` names the file, the place in it and what is wrong."""

    def __init__(self, problem: str, *others: str) -> None:
        more = f" (and {len(others)} more: 'vecharge-exporter check' names them)" if others else ""
        super().__init__(problem + more)
        self.problems = (problem, *others)


class DecodeError(ExporterError):
    """A payload of the service cannot be decoded: says why."""


class TokenError(ExporterError):
    """The token of an account cannot be read: names the file or variable, and what to do.

    `problem` is the same without the name, for the landing page, which does not show paths.
    """

    def __init__(self, source: object, problem: str) -> None:
        super().__init__(f"the {source} {problem}")
        self.problem = problem


class ConnectFailure(StrEnum):
    """Why a stream cannot connect."""

    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROTOCOL = "protocol"
    OCCUPIED = "occupied"
    OTHER = "other"


class ConnectError(ExporterError):
    """A stream cannot connect: why, and what to do.

    `retry_after_seconds` is the wait that the server asked for. `other_transport_may_work` distinguishes a proxy that
    blocks one transport from a service that refuses.
    """

    def __init__(
        self,
        reason: ConnectFailure,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        other_transport_may_work: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds
        self.other_transport_may_work = other_transport_may_work


class ListenError(ExporterError):
    """The exporter cannot listen on an address: names it, and why."""


class StateError(ExporterError):
    """The state file cannot be used: names the file and what to do."""


class HealthError(ExporterError):
    """An exporter does not answer that it is healthy: why, and what to do."""


class RecordingError(ExporterError):
    """A recording cannot be read: names the line and what is wrong with it."""


def cause_of(exception: BaseException) -> str:
    """Return the part of an exception that may be logged: our own text, the system's text for an errno, or the type."""
    if isinstance(exception, ExporterError):
        return str(exception)
    if isinstance(exception, ssl.SSLError):
        # Its errno is OpenSSL's, so the system's text for it would be wrong.
        reason = f": {exception.reason.lower().replace('_', ' ')}" if exception.reason else ""
        return f"{type(exception).__name__}{reason}"
    if isinstance(exception, OSError) and exception.errno is not None and exception.errno > 0:
        return f"{type(exception).__name__}: {os.strerror(exception.errno)}"
    return type(exception).__name__


def release_frames(exception: BaseException) -> None:
    """Remove the tracebacks of an exception and of its causes: their frames often refer to the exception in turn.

    Such a cycle is freed by a garbage collection only.
    """
    left: list[BaseException | None] = [exception]
    seen: set[int] = set()
    while left:
        link = left.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = None
            left += [link.__cause__, link.__context__]
