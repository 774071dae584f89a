"""A minimal HTTP client: reading a page must cost little compared to making it."""

import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A page, and the time from the request to its last byte."""

    seconds: float
    headers: bytes
    body: bytes


class Client:
    """Requests /metrics from this machine, and reads into memory that is allocated already."""

    def __init__(self) -> None:
        # Written once, so that the kernel does not allocate pages during the measurement.
        self._buffer = memoryview(bytearray(b"\1") * (64 << 20))

    def get(self, port: int, *, gzip: bool = False) -> Answer:
        """GET /metrics over a new connection."""
        encoding = "Accept-Encoding: gzip\r\n" if gzip else ""
        request = f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n{encoding}Connection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            started = time.perf_counter()
            connection.sendall(request.encode())
            received = 0
            while count := connection.recv_into(self._buffer[received:]):
                received += count
            seconds = time.perf_counter() - started
        headers, _, body = bytes(self._buffer[:received]).partition(b"\r\n\r\n")
        assert headers.startswith(b"HTTP/1.1 200"), headers
        return Answer(seconds, headers, body)
