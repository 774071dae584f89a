"""The web configuration file: TLS, passwords and headers, in the format that all Prometheus exporters share.

The format is that of prometheus/exporter-toolkit (docs/web-configuration.md there), so that one file serves all of a
user's exporters. An option of it that this exporter does not have is an error, not silence.
"""

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from exporter.config import yaml_file as document
from exporter.config.files import FileMark, mark_of, read, unreadable
from exporter.config.yaml_file import fail
from exporter.errors import cause_of

ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]

_TLS_VERSIONS: Final = {
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_VERIFY: Final[dict[ClientAuth, ssl.VerifyMode]] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
# Why OpenSSL does not take a key: it belongs to another certificate, or is of another kind.
_OTHER_KEY: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
_PEM: Final = {
    "certificate": re.compile(rb"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----"),
    "private key": re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"),
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


# As in all exporters, what is left blank is absent.
class _Tls(msgspec.Struct, forbid_unknown_fields=True):
    cert_file: str | None = None
    key_file: str | None = None
    client_ca_file: str | None = None
    client_auth_type: str | None = None
    min_version: str | None = None
    # Of the format, but not of this exporter:
    cert: Any = None
    key: Any = None
    client_ca: Any = None
    max_version: Any = None
    cipher_suites: Any = None
    prefer_server_cipher_suites: Any = None
    curve_preferences: Any = None
    client_allowed_sans: Any = None


class _Http(msgspec.Struct, forbid_unknown_fields=True):
    # An offer that no client has to take up: it is not made, and no error.
    http2: bool | None = None
    headers: dict[str, str | None] | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    tls_server_config: _Tls | None = None
    http_server_config: _Http | None = None
    basic_auth_users: dict[str, str] | None = None
    # Of the format, but not of this exporter:
    rate_limit: Any = None


_SUPPORTED: Final = ("cert_file", "key_file", "client_ca_file", "client_auth_type", "min_version")
_UNSUPPORTED: Final = tuple(option for option in _Tls.__struct_fields__ if option not in _SUPPORTED)
# Of what is not of this exporter, what asks for nothing that it does not do: the defaults of the format.
_HARMLESS: Final[Mapping[str, object]] = {"max_version": "TLS13", "prefer_server_cipher_suites": True}


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
    content = document.read_if_any(path)
    parsed = document.typed(path, {} if content is None else content, _Document, _no_types_of_our_own)
    _refuse_unsupported(path, "", parsed, ("rate_limit",))
    tls = None if parsed.tls_server_config is None else _tls(path, parsed.tls_server_config)
    if tls is not None:
        certificates = (tls.cert_file, tls.key_file, tls.client_ca_file)
        files |= {file: mark_of(file) for file in certificates if file is not None}
    return WebConfig(
        files,
        None if tls is None else _context(path, tls),
        _users(path, parsed.basic_auth_users or {}),
        _headers(path, (parsed.http_server_config and parsed.http_server_config.headers) or {}),
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


def _refuse_unsupported(path: Path, section: str, parsed: msgspec.Struct, options: Iterable[str]) -> None:
    for option in options:
        if getattr(parsed, option) not in (None, "", {}, _HARMLESS.get(option)):
            fail(
                path,
                f"{section}{option}",
                "is an option of the format that this exporter does not support: take it out",
            )


def _tls(path: Path, parsed: _Tls) -> TlsConfig | None:
    """None if nothing is asked for."""
    place = "tls_server_config"
    _refuse_unsupported(path, f"{place}.", parsed, _UNSUPPORTED)
    if not any(getattr(parsed, option) for option in _SUPPORTED):
        return None
    if not parsed.cert_file or not parsed.key_file:
        fail(path, place, f'the key "{"key_file" if parsed.cert_file else "cert_file"}" is missing')
    auth = parsed.client_auth_type or "NoClientCert"
    if auth not in _VERIFY:
        fail(path, f"{place}.client_auth_type", f"must be one of {', '.join(_VERIFY)}")
    version = parsed.min_version or "TLS12"
    if version not in _TLS_VERSIONS:
        fail(path, f"{place}.min_version", "must be TLS12 or TLS13: OpenSSL refuses all handshakes of older ones")
    if auth == "RequireAndVerifyClientCert" and not parsed.client_ca_file:
        fail(path, f"{place}.client_ca_file", f"is missing: {auth} needs the authority of the clients' certificates")
    if auth == "NoClientCert" and parsed.client_ca_file:
        fail(path, f"{place}.client_auth_type", "asks for no client certificate, and yet client_ca_file is set")
    return TlsConfig(
        # Relative to the file itself, as in all exporters.
        path.parent / parsed.cert_file,
        path.parent / parsed.key_file,
        path.parent / parsed.client_ca_file if parsed.client_ca_file else None,
        auth,
        _TLS_VERSIONS[version],
    )


def _context(path: Path, tls: TlsConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = tls.min_version
    context.verify_mode = _VERIFY[tls.client_auth]
    place = "tls_server_config"
    files = {"cert_file": tls.cert_file, "key_file": tls.key_file, "client_ca_file": tls.client_ca_file}
    for option, file in files.items():
        if file is not None:
            what = "private key" if option == "key_file" else "certificate"
            _refuse_unusable(path, f"{place}.{option}", file, what)
    try:
        # With no password to ask for: OpenSSL would ask for that of an encrypted key on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password=b"")
        if tls.client_ca_file is not None:
            context.load_verify_locations(tls.client_ca_file)
    except ssl.SSLError as error:
        if error.reason in _OTHER_KEY:
            fail(path, f"{place}.key_file", f"{tls.key_file} is not the key of the certificate in {tls.cert_file}")
        if error.reason in (None, "PEM_LIB"):  # the certificates are known to be well
            fail(path, f"{place}.key_file", f"{tls.key_file} holds a damaged private key")
        fail(path, place, f"certificate and key cannot be used ({cause_of(error)})")
    except OSError as error:
        fail(path, place, f"certificates or key cannot be read any more ({cause_of(error)})")
    return context


def _refuse_unusable(path: Path, place: str, file: Path, what: str) -> None:
    """Each file by itself: OpenSSL does not tell which of them it means."""
    try:
        content = read(file)
    except (OSError, ValueError) as error:
        fail(path, place, f"{file} {unreadable(error)}; paths are relative to this file")
    if not _PEM[what].search(content):
        fail(path, place, f"{file} holds no {what} as PEM")
    if what == "private key" and b"ENCRYPTED" in content:
        fail(path, place, f"the key in {file} is encrypted: take its password off, and guard it by its file's mode")
    if what == "certificate":
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except OSError:
            fail(path, place, f"{file} holds a damaged certificate")


def _users(path: Path, users: Mapping[str, str]) -> dict[str, bytes]:
    for place, (user, hashed) in enumerate(users.items(), 1):
        if not user or ":" in user:
            fail(path, "basic_auth_users", f"user {place}: a name must not be empty or hold a colon")
        if not _BCRYPT.fullmatch(hashed):
            fail(path, "basic_auth_users", f"user {place}: must have a bcrypt hash (htpasswd -nBC 10 '' makes one)")
    return {user: hashed.encode() for user, hashed in users.items()}


def _headers(path: Path, blank_or_not: Mapping[str, str | None]) -> dict[str, str]:
    place = "http_server_config.headers"
    headers = {name: value or "" for name, value in blank_or_not.items()}
    for name, value in headers.items():
        if name not in _HEADERS:
            fail(path, place, f"must be of {', '.join(_HEADERS)}")
        if not value.isascii() or not value.isprintable():
            fail(path, f"{place}.{name}", "must be one line of ASCII")
        if value and _HEADERS[name] and value.lower() not in _HEADERS[name]:
            fail(path, f"{place}.{name}", f"must be {' or '.join(_HEADERS[name])}, or empty to take the header away")
    return headers
