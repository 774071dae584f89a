"""The errors of the exporter.

    ExporterError
    ├── ConfigError        the configuration is not valid (exit status 2)
    ├── DecodeError        a payload of the service could not be understood
    ├── TokenError         the token of an account cannot be read now: names its file or variable
    ├── ConnectError       a stream could not be connected; carries the reason and what to do
    ├── ListenError        the address to listen on cannot be had
    ├── StateError         the state file cannot be used
    ├── HealthError        an exporter that was asked does not say that it is well
    └── RecordingError     a recording cannot be read: names the line and what is wrong with it

Every message is written by this project and safe to log: it never carries a token, a phone number, a user id
or an address. The text of a foreign exception may (aiohttp puts the URL, and so the token, into some of its
own), so it is never copied; `cause_of` says what may be told of one.
"""

import os
import ssl
from enum import StrEnum


class ExporterError(Exception):
    """The root of the tree: `str()` of it is one line that says what to do."""


class ConfigError(ExporterError):
    """The configuration is not valid: each of `problems` names the file, the place in it and what is wrong."""

    def __init__(self, problem: str, *others: str) -> None:
        more = f" (and {len(others)} more: 'vecharge-exporter check' names them)" if others else ""
        super().__init__(problem + more)
        self.problems = (problem, *others)


class DecodeError(ExporterError):
    """A payload of the service could not be understood."""


class TokenError(ExporterError):
    """The token of an account cannot be read now: names the file or variable, and what to do.

    `problem` is the same without the name, for those who need not know where files lie.
    """

    def __init__(self, source: object, problem: str) -> None:
        super().__init__(f"the {source} {problem}")
        self.problem = problem


class ConnectFailure(StrEnum):
    """Why a stream could not be connected."""

    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROTOCOL = "protocol"
    OCCUPIED = "occupied"
    OTHER = "other"


class ConnectError(ExporterError):
    """A stream could not be connected: why, and what to do.

    `retry_after_seconds` is what the server asked for, if it did; `other_transport_may_work` tells a proxy that
    blocks one transport from a service that says no.
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
    """The address to listen on cannot be had: names it, and why."""


class StateError(ExporterError):
    """The state file cannot be used: names the file and what to do."""


class HealthError(ExporterError):
    """An exporter that was asked does not say that it is well: why, and what to do."""


class RecordingError(ExporterError):
    """A recording cannot be read: names the line and what is wrong with it."""


def cause_of(exception: BaseException) -> str:
    """What of an exception may be logged: our own text, the system's words for an errno, else the type."""
    if isinstance(exception, ExporterError):
        return str(exception)
    if isinstance(exception, ssl.SSLError):
        # An errno of OpenSSL's own, and not always a reason: the system's words for it would be about something else.
        reason = f": {exception.reason.lower().replace('_', ' ')}" if exception.reason else ""
        return f"{type(exception).__name__}{reason}"
    if isinstance(exception, OSError) and exception.errno is not None and exception.errno > 0:
        return f"{type(exception).__name__}: {os.strerror(exception.errno)}"
    return type(exception).__name__


def release_frames(exception: BaseException) -> None:
    """Lets go of the frames through which an exception came, and those it came from: they often hold it in turn.

    What ties itself in a ring is freed by a garbage collection alone.
    """
    left: list[BaseException | None] = [exception]
    seen: set[int] = set()
    while left:
        link = left.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = None
            left += [link.__cause__, link.__context__]
