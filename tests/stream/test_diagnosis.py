"""The reason of every kind of failed attempt to connect, and its remedy."""

import errno
import socket
import ssl
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from exporter.errors import ConnectError, ConnectFailure
from exporter.stream.diagnosis import OTHER_GENERATION, HandshakeEvidence, closed_early, diagnose, refused, timed_out

# aiohttp's errors and their texts contain the address, and so possibly the token.
KEY: Any = SimpleNamespace(host="marked-secret", port=443, ssl=True)
URL = "https://host/?token=marked-secret"
SELF_SIGNED = ssl.SSLCertVerificationError(1, "marked-secret")
SELF_SIGNED.verify_message = "self-signed certificate"
WRONG_VERSION = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] marked-secret")
WRONG_VERSION.reason = "WRONG_VERSION_NUMBER"

NETWORK: dict[str, tuple[BaseException, ConnectFailure, str]] = {
    "nobody listens": (
        aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(errno.ECONNREFUSED, "marked-secret")),
        ConnectFailure.UNREACHABLE,
        "cannot be reached (ClientConnectorError: Connection refused)",
    ),
    "no way there": (OSError(errno.ENETUNREACH, "marked-secret"), ConnectFailure.UNREACHABLE, "Network is unreachable"),
    "no such name": (
        aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_NONAME, "marked-secret")),
        ConnectFailure.UNREACHABLE,
        "cannot be resolved",
    ),
    "reset": (ConnectionResetError(errno.ECONNRESET, "marked-secret"), ConnectFailure.UNREACHABLE, "Connection reset"),
    "closed": (aiohttp.ServerDisconnectedError("marked-secret"), ConnectFailure.UNREACHABLE, "cannot be reached"),
    "cut off": (aiohttp.ClientPayloadError("marked-secret"), ConnectFailure.UNREACHABLE, "cannot be reached"),
    "no answer": (TimeoutError("marked-secret"), ConnectFailure.TIMEOUT, "does not answer"),
    "no answer, for aiohttp": (aiohttp.ConnectionTimeoutError("marked-secret"), ConnectFailure.TIMEOUT, "not answer"),
    "a certificate that is not trusted": (
        aiohttp.ClientConnectorCertificateError(KEY, SELF_SIGNED),
        ConnectFailure.TLS,
        "TLS failed (self-signed certificate)",
    ),
    "no TLS there": (
        aiohttp.ClientConnectorSSLError(KEY, WRONG_VERSION),
        ConnectFailure.TLS,
        "TLS failed (wrong version number)",
    ),
    "a proxy that wants a password": (
        aiohttp.ClientHttpProxyError(KEY, (), status=407, message="marked-secret"),
        ConnectFailure.UNREACHABLE,
        "the proxy answers 407 to CONNECT: check user and password in HTTPS_PROXY",
    ),
    "a proxy that does not let through": (
        aiohttp.ClientHttpProxyError(KEY, (), status=403, message="marked-secret"),
        ConnectFailure.UNREACHABLE,
        "the proxy answers 403 to CONNECT: check the proxy and its rules",
    ),
    "TLS without words": (ssl.SSLError(), ConnectFailure.TLS, "TLS failed (SSLError)"),
    "a certificate without words": (ssl.SSLCertVerificationError(), ConnectFailure.TLS, "(SSLCertVerificationError)"),
}
HTTP = {
    401: (ConnectFailure.REJECTED, "check the token"),
    403: (ConnectFailure.REJECTED, "check the token"),
    407: (ConnectFailure.UNREACHABLE, "HTTPS_PROXY"),
    404: (ConnectFailure.OTHER, "check url"),
    429: (ConnectFailure.OTHER, "too many requests"),
    502: (ConnectFailure.UNREACHABLE, "down"),
    503: (ConnectFailure.UNREACHABLE, "down"),
    504: (ConnectFailure.UNREACHABLE, "does not answer"),
    302: (ConnectFailure.OTHER, "a redirect"),
    308: (ConnectFailure.OTHER, "set url to its target"),
    400: (ConnectFailure.OTHER, "look at the service"),
    500: (ConnectFailure.OTHER, "look at the service"),
}


class LibraryError(Exception):
    """An error as the client library raises it: a varying text, and the HTTP body as second argument."""


def wrapped(error: BaseException) -> BaseException:
    """The library raises its own error and hides the first one."""
    try:
        try:
            raise error
        except type(error):
            raise LibraryError(URL) from None
    except LibraryError as outer:
        return outer


@pytest.mark.parametrize("case", NETWORK)
@pytest.mark.parametrize("seen", ["raised", "wrapped", "on the way"])
def test_a_network_failure_has_its_reason(case: str, seen: str) -> None:
    error, reason, words = NETWORK[case]
    match seen:
        case "raised":
            failure = diagnose(error, HandshakeEvidence())
        case "wrapped":
            failure = diagnose(wrapped(error), HandshakeEvidence())
        case _:
            failure = diagnose(LibraryError(URL), HandshakeEvidence(exception=error))
    assert failure.reason is reason
    assert words in str(failure)


@pytest.mark.parametrize("status", HTTP)
def test_an_http_status_has_its_reason(status: int) -> None:
    reason, words = HTTP[status]
    failure = diagnose(LibraryError(URL), HandshakeEvidence(status=status))
    assert failure.reason is reason
    assert str(status) in str(failure)
    assert words in str(failure)


def test_a_server_that_rejects_the_protocol_version_is_of_the_other_generation() -> None:
    body = {"code": 5, "message": "Unsupported protocol version"}
    failure = diagnose(LibraryError("refused", body), HandshakeEvidence(status=400))
    assert (failure.reason, str(failure)) == (ConnectFailure.PROTOCOL, OTHER_GENERATION)
    assert "python-socketio 5" in OTHER_GENERATION


@pytest.mark.parametrize("body", [{"code": 0}, {"code": 3, "message": "Bad request"}, {}, "5", None, 5])
def test_any_other_answer_is_diagnosed_by_its_status(body: object) -> None:
    assert diagnose(LibraryError("refused", body), HandshakeEvidence(status=400)).reason is ConnectFailure.OTHER


@pytest.mark.parametrize("error", [AttributeError(URL), ValueError(URL), LibraryError(URL), KeyError("sid")])
@pytest.mark.parametrize("status", [None, 101, 200])
def test_an_answer_that_cannot_be_decoded_may_be_of_the_other_generation(error: Exception, status: int | None) -> None:
    failure = diagnose(error, HandshakeEvidence(status=status))
    assert failure.reason is ConnectFailure.PROTOCOL
    assert "python-socketio 5" in str(failure)


@pytest.mark.parametrize(
    ("failure", "reason", "words"),
    [
        (refused(), ConnectFailure.REJECTED, "refused token or charger"),
        (timed_out(10, "polling"), ConnectFailure.TIMEOUT, "within 10 s over polling"),
        (timed_out(0.5, "websocket"), ConnectFailure.TIMEOUT, "within 0.5 s over websocket"),
        (closed_early(), ConnectFailure.UNREACHABLE, "closed the connection"),
    ],
)
def test_failures_that_only_socket_io_reports(failure: ConnectError, reason: ConnectFailure, words: str) -> None:
    assert failure.reason is reason
    assert words in str(failure)


class TestForbidden:
    """A 403 of the service is about the token, but not one of a firewall or proxy in front of it."""

    @pytest.mark.parametrize(
        ("headers", "words"),
        [
            ({"Content-Type": "text/html; charset=UTF-8"}, "an HTML page"),
            ({"Content-Type": "text/plain", "Server": "cloudflare"}, "Server: cloudflare"),
            ({"Content-Type": "text/html", "Server": "CloudFront"}, "Server: cloudfront"),
            ({"Content-Type": "text/plain", "Via": "1.1 marked-secret"}, "Via"),
        ],
    )
    def test_an_answer_of_a_proxy_does_not_blame_the_token(self, headers: dict[str, str], words: str) -> None:
        failure = diagnose(LibraryError(URL), HandshakeEvidence(status=403, headers=headers))
        assert failure.reason is ConnectFailure.OTHER
        assert str(failure).startswith(
            f"a firewall or proxy in front of the service answers 403 to the handshake ({words})"
        )
        assert "token" not in str(failure)
        assert failure.other_transport_may_work

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": "application/json"},
            {"Content-Type": "application/json", "Server": "cloudflare", "Via": "1.1 proxy"},
            {"Content-Type": "text/plain", "Server": "nginx"},
        ],
    )
    def test_an_answer_of_the_service_asks_to_check_the_token(self, headers: dict[str, str]) -> None:
        failure = diagnose(LibraryError(URL), HandshakeEvidence(status=403, headers=headers))
        assert failure.reason is ConnectFailure.REJECTED
        assert "check the token" in str(failure)


class TestRetryAfter:
    """The wait that the server requests, in seconds."""

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("120", 120.0),
            (" 7 ", 7.0),
            ("0", 0.0),
            ("86400", 3600.0),
            ("9" * 400, 3600.0),
            (None, None),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ],
    )
    def test_a_requested_wait_is_followed_within_limits(self, header: str | None, seconds: float | None) -> None:
        headers = {} if header is None else {"Retry-After": header}
        evidence = HandshakeEvidence(status=429, headers=headers)
        assert diagnose(LibraryError(URL), evidence).retry_after_seconds == seconds


class TestOtherTransport:
    """Whether the other transport may work: it may if a proxy blocks websockets, not if the service refuses."""

    @pytest.mark.parametrize("status", [400, 403, 404, 502, 503])
    def test_tried_after_an_answer_that_may_be_of_a_proxy(self, status: int) -> None:
        assert diagnose(LibraryError(URL), HandshakeEvidence(status=status)).other_transport_may_work

    @pytest.mark.parametrize("failure", [closed_early(), diagnose(ValueError(), HandshakeEvidence(status=200))])
    def test_tried_after_a_handshake_without_an_answer(self, failure: ConnectError) -> None:
        assert failure.other_transport_may_work

    def test_not_tried_after_a_refusal_by_the_service(self) -> None:
        assert not refused().other_transport_may_work

    def test_not_tried_after_too_many_requests(self) -> None:
        assert not diagnose(LibraryError(URL), HandshakeEvidence(status=429)).other_transport_may_work

    def test_not_tried_after_a_redirect(self) -> None:
        assert not diagnose(LibraryError(URL), HandshakeEvidence(status=302)).other_transport_may_work

    @pytest.mark.parametrize("case", NETWORK)
    def test_not_tried_after_a_network_failure(self, case: str) -> None:
        assert not diagnose(NETWORK[case][0], HandshakeEvidence()).other_transport_may_work


@pytest.mark.parametrize(
    "failure",
    [
        *(diagnose(wrapped(error), HandshakeEvidence()) for error, _, _ in NETWORK.values()),
        *(diagnose(LibraryError(URL), HandshakeEvidence(status=status)) for status in HTTP),
        diagnose(AttributeError(URL), HandshakeEvidence(status=200)),
    ],
    ids=str,
)
def test_a_message_is_one_line_without_foreign_text(failure: ConnectError) -> None:
    assert "marked-secret" not in str(failure)
    assert "\n" not in str(failure)
