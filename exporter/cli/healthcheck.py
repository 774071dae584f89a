"""`vecharge-exporter healthcheck`: asks a running exporter how it is, protected or not.

Its options are named as in a Prometheus scrape configuration, and mean the same.
"""

import base64
import os
import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final
from urllib.parse import SplitResult, urlsplit

from exporter.errors import HealthError, cause_of
from exporter.web.health import HEALTHY, READY

# What the exporter's own pages say; whatever else answers on the port does not.
# For all of it, names and files included: less than container engines allow.
SECONDS: Final = 5.0
_MAX_BYTES: Final = 4096
_URL: Final = "--url must look like http://127.0.0.1:10037/-/healthy"
# Of OpenSSL: the certificate is trusted, but not for this host name or address.
_OTHER_NAME: Final = (62, 64)
_LATE: Final = f"no answer within {SECONDS:g} s: is it overloaded, or is there a firewall between?"
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whom to ask, whom to trust, and who asks."""

    url: str
    ca_file: Path | None = None
    server_name: str | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None


def ask(question: Question) -> None:
    """Returns if the exporter says that it is well. Raises HealthError: what is wrong, and what to do."""
    url = _url(question.url)
    outcome: SimpleQueue[HealthError | None] = SimpleQueue()

    def examine() -> None:
        try:
            _examine(question, url)
        except HealthError as error:
            outcome.put(error)
        else:
            outcome.put(None)

    # Nothing ends the look-up of a name, or the reading of a file, that hangs: a daemon thread holds up no exit.
    Thread(target=examine, daemon=True).start()
    try:
        error = outcome.get(timeout=SECONDS)
    except Empty:
        error = HealthError(f"{question.url}: {_LATE}")
    if error is not None:
        raise error


def _examine(question: Question, url: SplitResult) -> None:
    headers = {"Connection": "close"} | _authorization(question)
    context = _trust(question) if url.scheme == "https" else None
    host = url.hostname or ""
    connection = HTTPConnection(host, url.port or (443 if context else 80), timeout=SECONDS)
    try:
        connection.connect()
        if context is not None:
            connection.sock = context.wrap_socket(connection.sock, server_hostname=question.server_name or host)
        connection.request("GET", url.path + (f"?{url.query}" if url.query else "") or "/", headers=headers)
        answer = connection.getresponse()
        body = answer.read(_MAX_BYTES)
    except (OSError, HTTPException) as error:
        raise HealthError(f"{question.url}: {_advice(error, question, encrypted=context is not None)}") from error
    except ValueError as error:
        raise HealthError(f"{_URL}, and --server-name like exporter.example") from error
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        raise HealthError(f"{question.url}: {_of_status(answer.status, question)}")
    if body.decode(errors="replace").strip() not in (HEALTHY, READY):
        raise HealthError(f"{question.url}: what answers there is not the exporter's /-/healthy: check --url")


def _url(text: str) -> SplitResult:
    if "@" in text:
        raise HealthError(f"{_URL}: a user goes into --username and a password into --password-file")
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise HealthError(_URL)
    return url


def _authorization(question: Question) -> dict[str, str]:
    if question.username is None and question.password_file is None:
        return {}
    if question.username is None or question.password_file is None:
        raise HealthError("--username and --password-file go together: give both")
    try:
        with question.password_file.open("rb") as file:
            password = file.read(_MAX_BYTES).strip()
    except OSError as error:
        raise HealthError(f"--password-file {question.password_file} cannot be read ({cause_of(error)})") from error
    credentials = base64.b64encode(os.fsencode(question.username) + b":" + password).decode()
    return {"Authorization": f"Basic {credentials}"}


def _trust(question: Question) -> ssl.SSLContext:
    if question.key_file is not None and question.cert_file is None:
        raise HealthError("--key-file goes with --cert-file: give both")
    try:
        context = ssl.create_default_context(cafile=question.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise HealthError(f"--ca-file {question.ca_file} cannot be used ({cause_of(error)})") from error
    # As Prometheus does: the exporter's own certificate will do in the place of its authority's, and a home-made
    # authority without key identifiers is one too.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    if question.cert_file is not None:
        try:
            # With no password to ask for: OpenSSL would ask for that of an encrypted key on the terminal.
            context.load_cert_chain(question.cert_file, question.key_file, password=b"")
        except (OSError, ssl.SSLError) as error:
            raise HealthError(
                f"--cert-file and --key-file cannot be used ({cause_of(error)}): a certificate and its key are needed, "
                "as PEM, the key not encrypted"
            ) from error
    return context


def _advice(error: OSError | HTTPException, question: Question, *, encrypted: bool) -> str:
    match error:
        # Also what a server does in place of an alert, when it gets no certificate that it trusts.
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | ConnectionResetError() | BrokenPipeError() if encrypted:
            if question.cert_file is None:
                return "it ends the connection: if it demands a client certificate, give --cert-file and --key-file"
            return "it ends the connection: is --cert-file of an authority that it trusts?"
        case ssl.SSLError():
            return _of_tls(error)
        case ConnectionResetError() | BrokenPipeError():
            return "it ends the connection: if it serves TLS, --url must begin with https://"
        case ConnectionRefusedError():
            return "nobody listens there: is the exporter running, and on this address?"
        case socket.gaierror():
            return "the host cannot be found: check --url"
        case TimeoutError():
            return _LATE
        case HTTPException():
            return "what answers there does not speak HTTP: check --url"
    return f"it cannot be reached ({cause_of(error)}): check --url"


def _of_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return "its certificate is for another name: say with --server-name which one it is for"
        why = f"its certificate is not trusted ({error.verify_message})"
        return f"{why}: name its authority, or the certificate, with --ca-file"
    if error.reason in _NO_TLS:
        return "it does not speak TLS: should --url begin with http://?"
    return f"TLS fails ({cause_of(error)}): check --url and the certificates"


def _of_status(status: int, question: Question) -> str:
    if status == HTTPStatus.UNAUTHORIZED and question.username is None:
        return "it asks for a password (401): give a user of it with --username and --password-file"
    if status == HTTPStatus.UNAUTHORIZED:
        return "it refuses the password (401): check --username and --password-file"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "it is not ready (503): wait, and look at its log"
    return f"it answers {status} in place of its health: check --url"
