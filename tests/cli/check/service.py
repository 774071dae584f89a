"""A loopback HTTP server that answers a handshake as a test wrote it down."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `trickle` sends the body a byte at a time for ever, `hang` sends nothing at all."""

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    trickle: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Request:
    """What the server was asked."""

    method: str
    path: str
    query: dict[str, str]
    body: str
    headers: Message


@dataclass
class Service:
    """The answers still to be given, in order, and the requests that came; a POST of a goodbye gets `ok`."""

    answers: list[Answer]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        answers = self.server.service.answers
        self._answer(answers.pop(0) if answers else Answer("nothing more to say", 500))

    def do_POST(self) -> None:
        self._answer(Answer("ok"))

    def _answer(self, answer: Answer) -> None:
        service = self.server.service
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        service.requests.append(Request(self.command, asked.path, query, body, self.headers))
        if answer.hang:
            service.ended.wait()
            self.close_connection = True
            return
        content = answer.body.encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(1 << 30 if answer.trickle else len(content)))
        self.end_headers()
        self.wfile.write(content)
        while answer.trickle and not service.ended.wait(0.01):
            self.wfile.write(b"x")

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    service: Service

    def handle_error(self, *_: object) -> None:
        """A client that leaves in the middle of what it does not want is the point of some tests."""


@contextmanager
def serving(*answers: Answer, context: ssl.SSLContext | None = None) -> Iterator[Service]:
    """The service, listening; over TLS with a context."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https" if context else "http"
        server.service = Service(list(answers), f"{scheme}://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.service
        finally:
            server.service.ended.set()
            server.shutdown()
            thread.join()


def open3(*packets: str) -> str:
    """An Engine.IO 3 payload that opens a session, with more packets behind; lengths as JavaScript counts them."""
    opening = '0{"sid":"SID3","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}'
    return payload3(opening, *packets)


def payload3(*packets: str) -> str:
    return "".join(f"{len(packet.encode('utf-16-le')) // 2}:{packet}" for packet in packets)


OPEN4 = '0{"sid":"SID4","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
UNSUPPORTED = Answer('{"code":5,"message":"Unsupported protocol version"}', 400)
