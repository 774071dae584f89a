"""The web configuration file: TLS, passwords and headers, in the format that all Prometheus exporters share.

The format is that of prometheus/exporter-toolkit (docs/web-configuration.md there), so that all exporters of a user
can use one file. A key of the format that this exporter does not support is an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from exporter.config import yaml_file
from exporter.config.files import FileMark, mark_of
from exporter.config.yaml_file import fail
from exporter.web import tls
from exporter.web.tls import Tls, TlsSection

# A bcrypt of cost 17 takes about 10 s; each further one takes twice as long.
MAX_BCRYPT_COST: Final = 17
_BCRYPT: Final = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
# The headers that the format allows, and their values where these are fixed.
_HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}


class _Http(msgspec.Struct, forbid_unknown_fields=True):
    # Ignored: HTTP/2 is optional for clients, and the exporter does not offer it.
    http2: bool | None = None
    # YAML reads `X-XSS-Protection: 1` as a number.
    headers: dict[str, str | int | float | None] | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    tls_server_config: TlsSection | None = None
    http_server_config: _Http | None = None
    basic_auth_users: dict[str, str] | None = None
    rate_limit: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A valid web configuration. `files` has the marks of its files, each taken just before the file was read."""

    files: Mapping[Path, FileMark | None] = field(default_factory=dict)
    tls: Tls | None = None
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    def current_marks(self) -> Mapping[Path, FileMark | None]:
        """Return the marks as they are now."""
        return {file: mark_of(file) for file in self.files}


def load(path: Path) -> WebConfig:
    """Read a web configuration file and its certificates; raise ConfigError. An empty file is valid."""
    marks = {path: mark_of(path)}
    content = yaml_file.read_if_any(path)
    parsed = yaml_file.typed(path, {} if content is None else content, _Document)
    if parsed.rate_limit:
        fail(path, "rate_limit", "is not supported: remove it (a reverse proxy can limit requests)")
    section = parsed.tls_server_config or TlsSection()
    # Before the files are read, so that a change in between is detected.
    marks |= {file: mark_of(file) for file in tls.files_of(path, section)}
    return WebConfig(
        marks,
        tls.load(path, section),
        _users(path, parsed.basic_auth_users or {}),
        _headers(path, (parsed.http_server_config and parsed.http_server_config.headers) or {}),
    )


def reload(path: Path, before: WebConfig) -> WebConfig:
    """Read the file to replace `before`; raise ConfigError, also for a change that needs a restart.

    A reload never removes a protection, because a file that is being written may not have it yet.
    """
    config = load(path)
    if before.tls is None and config.tls is not None:
        fail(path, "", "cannot turn on TLS on reload; restart to apply")
    if before.tls is not None and config.tls is None:
        fail(path, "", "refusing to drop TLS on reload; restart to apply")
    if before.tls is not None and config.tls is not None:
        for what, value in before.tls.fixed.items():
            if config.tls.fixed[what] != value:
                fail(path, tls.PLACE, f"cannot change {what} on reload; restart to apply")
    if before.users and not config.users:
        fail(path, "", "refusing to drop all users on reload; restart to apply")
    if before.headers and not config.headers and not config.users and config.tls is None:
        fail(path, "", "refusing to drop all headers on reload (is the file empty?); restart to apply")
    return config


def _users(path: Path, users: Mapping[str, str]) -> dict[str, bytes]:
    place = "basic_auth_users"
    for number, (user, hashed) in enumerate(users.items(), 1):
        if not user or ":" in user:
            fail(path, place, f"user {number}: a name must not be empty or contain a colon")
        bcrypt = _BCRYPT.fullmatch(hashed)
        if bcrypt is None:
            fail(path, place, f"user {number}: must have a bcrypt hash (htpasswd -nBC 10 '' makes one)")
        if int(bcrypt[1]) > MAX_BCRYPT_COST:
            limit = f"the limit is {MAX_BCRYPT_COST}: make a new hash (htpasswd -nBC 10 '')"
            fail(path, place, f"user {number}: the bcrypt cost is {int(bcrypt[1])}, {limit}")
    return {user: hashed.encode() for user, hashed in users.items()}


def _headers(path: Path, values: Mapping[str, str | int | float | None]) -> dict[str, str]:
    place = "http_server_config.headers"
    headers = {name: "" if value is None else str(value) for name, value in values.items()}
    for name, value in headers.items():
        if name not in _HEADERS:
            fail(path, place, f"must be one of {', '.join(_HEADERS)}")
        if not value.isascii() or not value.isprintable():
            fail(path, f"{place}.{name}", "must be one line of ASCII")
        if value and _HEADERS[name] and value.lower() not in _HEADERS[name]:
            fail(path, f"{place}.{name}", f"must be {' or '.join(_HEADERS[name])}, or empty to remove the header")
    return headers
