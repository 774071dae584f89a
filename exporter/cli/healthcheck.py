"""`vecharge-exporter healthcheck`: asks a running exporter whether it is healthy."""

from http import HTTPStatus
from pathlib import Path
from typing import Final

import requests
from requests.auth import HTTPBasicAuth

from exporter.config import files
from exporter.errors import HealthError
from exporter.web.health import HEALTHY, READY

# Less than container engines allow.
TIMEOUT_SECONDS: Final = 5.0
_URL: Final = "--url must look like http://127.0.0.1:10037/-/healthy"


def ask(url: str, ca_file: Path | None, username: str | None, password_file: Path | None) -> None:
    """Return if the exporter is healthy or ready; raise HealthError with the reason and what to do."""
    if "@" in url:
        raise HealthError(f"{_URL}: pass a user with --username and --password-file")
    password = _password(username, password_file)
    if ca_file is not None:
        _content("--ca-file", ca_file)
    try:
        with requests.Session() as session:
            session.trust_env = False  # ignores proxies and .netrc: the exporter runs on this machine
            session.auth = None if username is None else HTTPBasicAuth(username.encode(), password)
            session.verify = True if ca_file is None else str(ca_file)
            answer = session.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except (requests.RequestException, OSError, ValueError) as error:
        # The text of the error is not copied: it may hold headers.
        raise HealthError(_advice(url, error)) from None
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise HealthError(f"{url}: asks for a password (401): check --username and --password-file")
    if answer.status_code != HTTPStatus.OK:
        raise HealthError(f"{url}: answers {answer.status_code}: check --url, and look at the exporter's log")
    if answer.text.strip() not in (HEALTHY, READY):
        raise HealthError(f"{url}: the answer is not that of /-/healthy or /-/ready: check --url")


def _password(username: str | None, password_file: Path | None) -> bytes:
    if (username is None) != (password_file is None):
        raise HealthError("--username and --password-file go together: give both")
    return b"" if password_file is None else _content("--password-file", password_file).strip()


def _content(flag: str, file: Path) -> bytes:
    try:
        return files.read(file)
    except (OSError, ValueError) as error:
        raise HealthError(f"{flag} {file} {files.unreadable(error)}") from error


def _advice(url: str, error: Exception) -> str:
    match error:
        case requests.exceptions.SSLError():
            problem = "TLS failed: check the scheme of --url, or name the authority of the certificate with --ca-file"
        case requests.Timeout():
            problem = f"no answer within {TIMEOUT_SECONDS:g} s: is the exporter overloaded?"
        case ValueError():  # of requests, too: an invalid or missing scheme or host
            return _URL
        case _:
            problem = "cannot be reached: is the exporter running, and does it listen there?"
    return f"{url}: {problem}"
