"""The web configuration file: TLS, passwords and headers, in the format that all Prometheus exporters share.

The format is that of prometheus/exporter-toolkit (docs/web-configuration.md there), so that one file serves all of a
user's exporters. An option of it that this exporter does not have is an error, not silence.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec

from exporter import document
from exporter.document import fail
from exporter.errors import cause_of
from exporter.file_mark import FileMark, mark_of

ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]

_TLS_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_VERIFY: Final[dict[ClientAuth, ssl.VerifyMode]] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
# Of the format, but not of this exporter.
_UNSUPPORTED: Final = {
    "tls_server_config": (
        "cert",
        "key",
        "client_ca",
        "max_version",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
        "client_allowed_sans",
    ),
    "": ("rate_limit",),
}
# The costs that htpasswd makes: beyond them a password takes minutes.
_BCRYPT: Final = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-7])\$[./A-Za-z0-9]{53}")
# Those that the format lets an operator set, with what their values may be where that is fixed.
_HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}


class _Tls(msgspec.Struct, forbid_unknown_fields=True):
    cert_file: str
    key_file: str
    client_ca_file: str | None = None
    client_auth_type: str = "NoClientCert"
    min_version: str = "TLS12"


class _Http(msgspec.Struct, forbid_unknown_fields=True):
    http2: bool = False
    headers: dict[str, str] = {}


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    tls_server_config: _Tls | None = None
    http_server_config: _Http = msgspec.field(default_factory=_Http)
    basic_auth_users: dict[str, str] = {}


_SECTIONS: Final[dict[str, type[msgspec.Struct]]] = {
    "": _Document,
    "tls_server_config": _Tls,
    "http_server_config": _Http,
}


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """Certificates and what is asked of clients."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None
    client_auth: ClientAuth
    min_version: ssl.TLSVersion


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A valid web configuration. `files` are all files that it was made from, each as it was just before."""

    files: Mapping[Path, FileMark | None] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def protections(self) -> tuple[str, ...]:
        """What keeps others out."""
        asks_clients = self.tls is not None and self.tls.verify_mode is ssl.CERT_REQUIRED
        kept = {"TLS": self.tls is not None, "client certificates": asks_clients, "passwords": bool(self.users)}
        return tuple(name for name, is_kept in kept.items() if is_kept)

    def has_changed(self) -> bool:
        """Whether one of the files is another now."""
        return any(mark_of(file) != mark for file, mark in self.files.items())


def load(path: Path) -> WebConfig:
    """The web configuration in a file, certificates included; raises ConfigError. An empty file asks for nothing."""
    files = {path: mark_of(path)}
    content = {} if path.is_file() and not path.stat().st_size else document.read(path)
    _refuse_unsupported(path, content)
    parsed = document.typed(path, content, _Document, _SECTIONS, _no_types_of_our_own)
    if parsed.http_server_config.http2:
        fail(path, "http_server_config.http2", "must be false: this exporter speaks HTTP/1.1")
    tls = None if parsed.tls_server_config is None else _tls(path, parsed.tls_server_config)
    if tls is not None:
        certificates = (tls.cert_file, tls.key_file, tls.client_ca_file)
        files |= {file: mark_of(file) for file in certificates if file is not None}
    return WebConfig(
        files,
        None if tls is None else _context(path, tls),
        _users(path, parsed.basic_auth_users),
        _headers(path, parsed.http_server_config.headers),
    )


def reload(path: Path, before: WebConfig) -> WebConfig:
    """As `load`, to take the place of `before`; raises ConfigError also if it would take a protection of it away.

    A file that was cut short, or is not yet written to its end, does just that.
    """
    config = load(path)
    lost = [name for name in before.protections if name not in config.protections]
    if lost:
        what = f"would take away {' and '.join(lost)}, as a file does that is not written to its end"
        fail(path, "", f"{what}: restart the exporter if it is meant")
    if before.headers and not (config.headers or config.protections):
        fail(path, "", "asks for nothing any more, as an empty file does: restart the exporter if it is meant")
    return config


def _no_types_of_our_own(_kind: type, value: object) -> object:
    return value


def _refuse_unsupported(path: Path, content: object) -> None:
    if not isinstance(content, dict):
        return
    for section, options in _UNSUPPORTED.items():
        place = content.get(section) if section else content
        if isinstance(place, dict):
            for option in options:
                if option in place:
                    where = f"{section}.{option}" if section else option
                    fail(path, where, "is an option of the format that this exporter does not support: take it out")


def _tls(path: Path, parsed: _Tls) -> TlsConfig:
    place = "tls_server_config"
    auth = parsed.client_auth_type
    if auth not in _VERIFY:
        fail(path, f"{place}.client_auth_type", f"must be one of {', '.join(_VERIFY)}")
    if parsed.min_version not in _TLS_VERSIONS:
        fail(path, f"{place}.min_version", f"must be one of {', '.join(_TLS_VERSIONS)}")
    if auth == "RequireAndVerifyClientCert" and parsed.client_ca_file is None:
        fail(path, f"{place}.client_ca_file", f"is missing: {auth} needs the authority of the clients' certificates")
    if auth == "NoClientCert" and parsed.client_ca_file is not None:
        fail(path, f"{place}.client_auth_type", "asks for no client certificate, and yet client_ca_file is set")
    return TlsConfig(
        # Relative to the file itself, as in all exporters.
        path.parent / parsed.cert_file,
        path.parent / parsed.key_file,
        None if parsed.client_ca_file is None else path.parent / parsed.client_ca_file,
        auth,
        _TLS_VERSIONS[parsed.min_version],
    )


def _context(path: Path, tls: TlsConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = tls.min_version
    context.verify_mode = _VERIFY[tls.client_auth]
    place = "tls_server_config"
    files = {"cert_file": tls.cert_file, "key_file": tls.key_file, "client_ca_file": tls.client_ca_file}
    for option, file in files.items():
        if file is not None:
            _refuse_unreadable(path, f"{place}.{option}", file)
    try:
        # With no password to ask for: OpenSSL would ask for that of an encrypted key on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password=b"")
    except (OSError, ssl.SSLError) as error:
        what = f"certificate and key cannot be used together ({cause_of(error)})"
        fail(path, f"{place}.cert_file", f"{what}: the key must belong to the certificate, and not be encrypted")
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (OSError, ssl.SSLError) as error:
            fail(
                path, f"{place}.client_ca_file", f"cannot be used ({cause_of(error)}): it must hold certificates as PEM"
            )
    return context


def _refuse_unreadable(path: Path, place: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except (OSError, ValueError) as error:
        what = f"{file} cannot be read ({cause_of(error)})"
        fail(path, place, f"{what}: put it there, for the exporter to read; paths are relative to this file")


def _users(path: Path, users: Mapping[str, str]) -> dict[str, bytes]:
    for place, (user, hashed) in enumerate(users.items(), 1):
        if not user or ":" in user:
            fail(path, "basic_auth_users", f"user {place}: a name must not be empty or hold a colon")
        if not _BCRYPT.fullmatch(hashed):
            fail(path, "basic_auth_users", f"user {place}: must have a bcrypt hash (htpasswd -nBC 10 '' makes one)")
    return {user: hashed.encode() for user, hashed in users.items()}


def _headers(path: Path, headers: Mapping[str, str]) -> dict[str, str]:
    place = "http_server_config.headers"
    for name, value in headers.items():
        if name not in _HEADERS:
            fail(path, place, f"must be of {', '.join(_HEADERS)}")
        if not value.isascii() or not value.isprintable():
            fail(path, f"{place}.{name}", "must be one line of ASCII")
        if value and _HEADERS[name] and value.lower() not in _HEADERS[name]:
            fail(path, f"{place}.{name}", f"must be {' or '.join(_HEADERS[name])}, or empty to take the header away")
    return dict(headers)
