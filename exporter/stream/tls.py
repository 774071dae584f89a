"""TLS to a service with little CPU and memory per stream: sessions are resumed, large buffers use little memory."""

import asyncio
import ctypes
import os
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

# CPython 3.11 leaks 6 KB each time the session of a connection is read.
_SECONDS_BETWEEN_SESSIONS: Final = 60.0
_M_MMAP_THRESHOLD: Final = -3  # of glibc's malloc.h
_LARGE_BYTES: Final = 128 * 1024
# The share of its time that the process spends on returning free memory, and how much it may spend at once.
_SHARE_OF_TIME: Final = 0.05
_MOST_BUDGET_SECONDS: Final = 0.25
_RECORD_BYTES: Final = 16 * 1024  # OpenSSL never returns more at once


class _Connection(ssl.SSLObject):
    """The TLS side of a connection, without what asyncio and uvloop would spend on it."""

    def getpeercert(self, _binary_form: bool = False) -> None:
        """Return None: asyncio would keep 2 KB of the certificate per connection."""

    def read(self, len: int = _RECORD_BYTES, buffer: Any = None) -> Any:  # noqa: A002
        """Read at most one record. uvloop asks for 256 KB: mapping that much memory is a fifth of the CPU of a log."""
        return super().read(min(len, _RECORD_BYTES), buffer)


class ResumingContext(ssl.SSLContext):
    """A client's context with the system's authorities, which resumes a recent TLS session with its host.

    A resumed handshake needs neither a certificate nor a signature. asyncio has no argument for the TLS session of a
    connection, but it calls `wrap_bio` of the context for each connection.
    """

    def __new__(cls, _host: str) -> "ResumingContext":
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, host: str) -> None:
        self.sslobject_class = _Connection
        self._host = host
        self._session: ssl.SSLSession | None = None
        self._next_session = 0.0
        if sys.version_info >= (3, 13):
            # As ssl.create_default_context does.
            self.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        self.load_default_certs()

    def keep_session_of(self, connection: ssl.SSLObject | ssl.SSLSocket) -> None:
        """Resume the session of this connection from now on if it is new, and none was kept in the last minute."""
        now = asyncio.get_running_loop().time()
        if not connection.session_reused and now >= self._next_session:
            self._next_session = now + _SECONDS_BETWEEN_SESSIONS
            self._session = connection.session

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return the TLS side of a new connection. The server decides whether it resumes the session."""
        if server_hostname == self._host:  # and not an HTTPS proxy
            session = self._session
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def import_aiohttp() -> None:
    """Import aiohttp without the system's authorities. Loading them takes 0.04 s of CPU, and aiohttp does it twice.

    Its own TLS contexts are not used: each account has a `ResumingContext`.
    """
    authorities = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    try:
        import aiohttp  # noqa: F401
    finally:
        del os.environ["SSL_CERT_FILE"]
        if authorities is not None:
            os.environ["SSL_CERT_FILE"] = authorities


def return_large_buffers() -> None:
    """Have glibc's malloc return every large buffer to the system as soon as it is freed.

    uvloop allocates 256 KB for each TLS connection and uses little of it. Once the first buffer was freed, glibc puts
    them on the heap, where each costs 14 KB; outside of the heap each costs 4 KB.
    """
    with suppress(OSError, AttributeError):  # another libc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


class _FreeMemory:
    """The free memory of glibc's heap, which all connections of the process share."""

    def __init__(self) -> None:
        # Seconds that may be spent, as of the time of the last return.
        self._budget = _MOST_BUDGET_SECONDS
        self._as_of = monotonic()
        self._trim = None
        with suppress(OSError, AttributeError):  # another libc
            self._trim = ctypes.CDLL(None).malloc_trim

    def return_to_system(self) -> None:
        """Return all of it, if that does not take more than a share of the time: it takes from 2 ms to 30 ms."""
        started = monotonic()
        self._budget = min(_MOST_BUDGET_SECONDS, self._budget + (started - self._as_of) * _SHARE_OF_TIME)
        self._as_of = started
        if self._trim is not None and self._budget > 0:
            self._trim(0)
            self._budget -= monotonic() - started


def event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return how an event loop of uvloop is made, or None if it is not installed."""
    try:
        import uvloop
    except ImportError:
        return None
    memory = _FreeMemory()

    class Loop(uvloop.Loop):
        """Returns free memory before uvloop allocates 256 KB for a TLS connection.

        If connections that have ended or a scrape left a free block of that size in the heap, glibc puts the buffer
        there. Then the whole block stays resident, unless it was returned to the system before.
        """

        async def create_connection(self, *arguments: Any, **options: Any) -> Any:
            if options.get("ssl"):
                memory.return_to_system()
            return await super().create_connection(*arguments, **options)

    return Loop
