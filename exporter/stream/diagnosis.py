"""Why an attempt to connect failed: a pure function of the evidence, so that tests can cover every case in a table."""

import errno
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp

from exporter.errors import ConnectError, ConnectFailure, cause_of

# A server may request any wait. After more than an hour, users would think that the exporter has stopped.
MAX_RETRY_AFTER_SECONDS: Final = 3600.0

FIRST_REFUSAL: Final = 300  # of the HTTP status codes: a redirect is not followed
PROXY_AUTHENTICATION_ADVICE: Final = "check user and password in HTTPS_PROXY or HTTP_PROXY"
_ADVICE: Final[Mapping[int, tuple[ConnectFailure, str]]] = {
    HTTPStatus.UNAUTHORIZED: (ConnectFailure.REJECTED, "check the token of the account"),
    HTTPStatus.FORBIDDEN: (ConnectFailure.REJECTED, "check the token of the account"),
    HTTPStatus.NOT_FOUND: (ConnectFailure.OTHER, "there is no Socket.IO at this address, check url"),
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: (ConnectFailure.UNREACHABLE, PROXY_AUTHENTICATION_ADVICE),
    HTTPStatus.TOO_MANY_REQUESTS: (
        ConnectFailure.OTHER,
        "too many requests; the exporter waits for as long as Retry-After asks",
    ),
    HTTPStatus.BAD_GATEWAY: (ConnectFailure.UNREACHABLE, "the service behind its proxy is down"),
    HTTPStatus.SERVICE_UNAVAILABLE: (ConnectFailure.UNREACHABLE, "the service is down"),
    HTTPStatus.GATEWAY_TIMEOUT: (ConnectFailure.UNREACHABLE, "the service behind its proxy does not answer"),
}
# Values of the header Server: an answer from one of these that is not JSON is not the service's own.
_FRONTS: Final = ("cloudflare", "cloudfront", "akamaighost", "awselb", "sucuri")
_OTHERWISE: Final = "look at the service and at url"

UNSUPPORTED_PROTOCOL_VERSION: Final = 5  # Engine.IO's error code
OTHER_GENERATION: Final = (
    "the server speaks another Socket.IO generation: install python-socketio 5 in place of 4.6.1 (docs/install.md)"
)


@dataclass(slots=True)
class HandshakeEvidence:
    """The last HTTP answer and the last HTTP failure of an attempt."""

    status: int | None = None
    # Only of an answer that is a refusal; header names are case-insensitive.
    headers: Mapping[str, str] = field(default_factory=dict)
    exception: BaseException | None = None


def refused() -> ConnectError:
    """The service itself rejected the connection, over Socket.IO."""
    return ConnectError(
        ConnectFailure.REJECTED,
        "the service refused token or charger: check the token of the account, and that it may see this charger",
    )


def occupied() -> ConnectError:
    """The service accepts the connection and reports that another device is connected to the charger."""
    return ConnectError(
        ConnectFailure.OCCUPIED,
        "the charger is connected to another device: close the app there, or stop the other exporter",
    )


def timed_out(seconds: float, transport: str) -> ConnectError:
    """The handshake took longer than connect_timeout."""
    return ConnectError(
        ConnectFailure.TIMEOUT,
        f"no answer within {seconds:g} s over {transport}: check the service and the network, or raise connect_timeout",
    )


def closed_early() -> ConnectError:
    """The transport opened and ended before the namespace was joined."""
    return ConnectError(
        ConnectFailure.UNREACHABLE,
        "the server closed the connection during the handshake: look at the service",
        other_transport_may_work=True,
    )


def not_understood() -> ConnectError:
    """A server answers, but not with Socket.IO that this client supports."""
    return ConnectError(
        ConnectFailure.PROTOCOL,
        f"the answer is not valid Socket.IO: check url; perhaps {OTHER_GENERATION}",
        other_transport_may_work=True,
    )


def diagnose(error: BaseException, evidence: HandshakeEvidence) -> ConnectError:
    """Return the failure for an error that the client library raised."""
    chain = _chain(error)
    if any(_engineio_code(link) == UNSUPPORTED_PROTOCOL_VERSION for link in chain):
        return ConnectError(ConnectFailure.PROTOCOL, OTHER_GENERATION, other_transport_may_work=True)
    if evidence.exception is not None:
        chain.append(evidence.exception)
    for link in chain:
        failure = _network_failure(link)
        if failure is not None:
            return failure
    if evidence.status is not None and evidence.status >= FIRST_REFUSAL:
        return _http_failure(evidence)
    # The server answered, but the library could not parse the answer: an Engine.IO 4 server makes 4.6.1 raise
    # AttributeError, a web page ValueError.
    return not_understood()


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return the error and its causes. The library raises `from None`, but `__context__` is still set."""
    links = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links


def _engineio_code(error: BaseException) -> object:
    body = error.args[1] if len(error.args) > 1 else None
    return body.get("code") if isinstance(body, dict) else None


def _network_failure(error: BaseException) -> ConnectError | None:
    match error:
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return ConnectError(
                ConnectFailure.TLS,
                f"TLS failed ({_tls_reason(error)}): check url, ca_file and the server's certificate",
            )
        case aiohttp.ClientConnectorDNSError():
            return ConnectError(
                ConnectFailure.UNREACHABLE, "the name of the server cannot be resolved: check url and DNS"
            )
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            return ConnectError(
                ConnectFailure.OTHER,
                "too many open files: raise the limit of open files (ulimit -n, LimitNOFILE=)",
            )
        case aiohttp.ClientHttpProxyError():
            # Tinyproxy answers 401 to a wrong password.
            is_about_password = error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
            advice = PROXY_AUTHENTICATION_ADVICE if is_about_password else "check the proxy and its rules"
            return ConnectError(ConnectFailure.UNREACHABLE, f"the proxy answers {error.status} to CONNECT: {advice}")
        case TimeoutError():
            return ConnectError(ConnectFailure.TIMEOUT, "the server does not answer: check the network")
        case OSError() | aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return ConnectError(
                ConnectFailure.UNREACHABLE,
                f"the server cannot be reached ({cause_of(error)}): check url, network and firewall",
            )
    return None


def _tls_reason(error: BaseException) -> str:
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    # Only errors from OpenSSL have these attributes; errors raised by Python code lack them.
    words: str = getattr(inner, "verify_message", None) or getattr(inner, "reason", None) or type(inner).__name__
    return words.lower().replace("_", " ") if words.isupper() else words


def _http_failure(evidence: HandshakeEvidence) -> ConnectError:
    status = evidence.status or 0
    if status == HTTPStatus.FORBIDDEN and (front := _front(evidence.headers)):
        return ConnectError(
            ConnectFailure.OTHER,
            f"a firewall or proxy in front of the service answers 403 to the handshake ({front}): "
            "check that it lets this machine through",
            retry_after_seconds=_retry_after(evidence),
            other_transport_may_work=True,
        )
    leads_elsewhere = 300 <= status < 400
    otherwise = "a redirect, which is not followed: set url to its target" if leads_elsewhere else _OTHERWISE
    reason, advice = _ADVICE.get(status, (ConnectFailure.OTHER, otherwise))
    return ConnectError(
        reason,
        f"the server answers {status} to the handshake: {advice}",
        retry_after_seconds=_retry_after(evidence),
        # A proxy that blocks websockets may answer anything; 429 and redirects are not about the transport.
        other_transport_may_work=not leads_elsewhere and status != HTTPStatus.TOO_MANY_REQUESTS,
    )


def _front(headers: Mapping[str, str]) -> str | None:
    """Return the evidence that a proxy in front of the service sent this answer; the service itself answers in JSON."""
    content_type, server = (headers.get(name, "").lower() for name in ("Content-Type", "Server"))
    if "json" in content_type:
        return None
    for known in _FRONTS:
        if known in server:
            return f"Server: {known}"
    if "html" in content_type:
        return "an HTML page"
    return "Via" if headers.get("Via") else None


def _retry_after(evidence: HandshakeEvidence) -> float | None:
    """Return the seconds of a Retry-After header. Its other form, a date, is ignored: services send seconds."""
    asked = evidence.headers.get("Retry-After", "").strip()
    return min(float(asked), MAX_RETRY_AFTER_SECONDS) if asked.isdecimal() else None
