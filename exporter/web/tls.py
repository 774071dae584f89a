"""The section `tls_server_config` of the web configuration file: certificates, and the requirements for clients."""

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from exporter.config import files
from exporter.config.yaml_file import fail
from exporter.errors import cause_of

PLACE: Final = "tls_server_config"
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_VERIFY: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_CIPHERS: Final = {
    f"TLS_ECDHE_{key}_WITH_{cipher}": f"ECDHE-{key}-{name}"
    for key in ("ECDSA", "RSA")
    for cipher, name in (
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
    )
}
# Always enabled, regardless of the list, as in Go.
_TLS13_CIPHERS: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_CURVES: Final = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}


class TlsSection(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of the section. As in all exporters, a blank value is absent."""

    cert_file: str | None = None
    key_file: str | None = None
    client_auth_type: str | None = None
    client_ca_file: str | None = None
    client_ca: str | None = None
    client_allowed_sans: list[str] | None = None
    min_version: str | None = None
    max_version: str | None = None
    cipher_suites: list[str] | None = None
    prefer_server_cipher_suites: bool | None = None
    curve_preferences: list[str] | None = None
    # Python's ssl reads them from files only.
    cert: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """A valid section. `context` has the certificates as they were in the files."""

    context: ssl.SSLContext
    client_allowed_sans: frozenset[str]
    # The settings that a reload cannot change, by name.
    fixed: Mapping[str, object]


def files_of(path: Path, section: TlsSection) -> list[Path]:
    """Return the files that the section names. As in all exporters, they are relative to the configuration file."""
    names = (section.cert_file, section.key_file, section.client_ca_file)
    return [path.parent / name for name in names if name]


def load(path: Path, section: TlsSection) -> Tls | None:
    """Read certificates and make a context; None if nothing is configured. Raise ConfigError."""
    auth = section.client_auth_type or "NoClientCert"
    if not any(msgspec.structs.astuple(section)):
        return None
    _check(path, section, auth)
    cert_file, key_file, *ca_files = files_of(path, section)
    _read(path, "cert_file", cert_file)
    _read(path, "key_file", key_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_protocol(path, context, section)
    context.verify_mode = _VERIFY[auth]
    authorities = _load_authorities(path, context, section.client_ca, ca_files)
    _load_certificate(path, context, cert_file, key_file)
    sans = frozenset(map(_name, section.client_allowed_sans or ()))
    versions = (section.min_version, section.max_version)
    ciphers = (section.cipher_suites, section.prefer_server_cipher_suites, section.curve_preferences)
    return Tls(
        context,
        sans,
        {
            "client certificates": (auth, authorities, sans),
            "TLS versions": versions,
            "cipher suites or curves": ciphers,
        },
    )


def is_allowed(certificate: Mapping[str, Any] | None, allowed: frozenset[str]) -> bool:
    """Return whether a client may connect with this verified certificate (of `getpeercert`), or without one."""
    if not allowed or not certificate:
        return True
    return any(_name(name) in allowed for _kind, name in certificate.get("subjectAltName", ()) if isinstance(name, str))


def _check(path: Path, section: TlsSection, auth: str) -> None:
    for option in ("cert", "key"):
        if getattr(section, option):
            fail(path, f"{PLACE}.{option}", f"is not supported: put it into a file, and name it in {option}_file")
    if not section.cert_file or not section.key_file:
        fail(path, PLACE, f'the key "{"key_file" if section.cert_file else "cert_file"}" is missing')
    if auth not in _VERIFY:
        fail(path, f"{PLACE}.client_auth_type", f"must be one of {', '.join(_VERIFY)}")
    for option in ("client_ca", "client_ca_file", "client_allowed_sans"):
        if auth == "NoClientCert" and getattr(section, option):
            fail(path, f"{PLACE}.client_auth_type", f"requests no client certificate, but {option} is set")
    if section.client_ca and section.client_ca_file:
        fail(path, f"{PLACE}.client_ca", "cannot be combined with client_ca_file: remove one of them")


def _set_protocol(path: Path, context: ssl.SSLContext, section: TlsSection) -> None:
    oldest = _version(path, "min_version", section.min_version or "TLS12")
    newest = _version(path, "max_version", section.max_version or "TLS13")
    if oldest > newest:
        fail(path, f"{PLACE}.max_version", "must not be below min_version")
    context.minimum_version, context.maximum_version = oldest, newest
    if section.cipher_suites:
        context.set_ciphers(_ciphers(path, section.cipher_suites))
    if section.prefer_server_cipher_suites is False:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    curves = section.curve_preferences or []
    if len(curves) > 1:
        fail(path, f"{PLACE}.curve_preferences", "more than one curve is not supported: name one, or none for all")
    for curve in curves:
        if curve not in _CURVES:
            fail(path, f"{PLACE}.curve_preferences", f"must be one of {', '.join(_CURVES)}")
        context.set_ecdh_curve(_CURVES[curve])


def _version(path: Path, option: str, name: str) -> ssl.TLSVersion:
    if name not in _VERSIONS:
        fail(path, f"{PLACE}.{option}", "must be TLS12 or TLS13: OpenSSL refuses all handshakes of older versions")
    return _VERSIONS[name]


def _ciphers(path: Path, names: list[str]) -> str:
    """Return OpenSSL's names of these cipher suites."""
    place = f"{PLACE}.cipher_suites"
    for number, name in enumerate(names, 1):
        if name not in _CIPHERS and name not in _TLS13_CIPHERS:
            fail(path, place, f"unknown cipher suite (number {number}): known are {', '.join(_CIPHERS)}")
    known = [_CIPHERS[name] for name in names if name in _CIPHERS]
    if not known:
        fail(path, place, "has no cipher suite of TLS 1.2: add one, or set min_version: TLS13 instead")
    return ":".join(known)


def _read(path: Path, option: str, file: Path) -> bytes:
    """Return the content of a file: OpenSSL does not say which of its files cannot be read."""
    try:
        return files.read(file)
    except (OSError, ValueError) as error:
        fail(path, f"{PLACE}.{option}", f"{file} {files.unreadable(error)}; paths are relative to this file")


def _load_authorities(path: Path, context: ssl.SSLContext, inline: str | None, ca_files: list[Path]) -> bytes | None:
    """Trust the authorities of client certificates and return them; None if they are those of the system."""
    if inline:
        option, content = "client_ca", inline.encode()
    elif ca_files:
        option, content = "client_ca_file", _read(path, "client_ca_file", ca_files[0])
    else:
        if context.verify_mode is not ssl.CERT_NONE:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)  # as in all exporters
        return None
    try:
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (OSError, ValueError):
        fail(path, f"{PLACE}.{option}", "must be valid certificates in PEM format")
    return content


def _load_certificate(path: Path, context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    try:
        # With an empty password, OpenSSL does not ask for that of an encrypted key on the terminal.
        context.load_cert_chain(cert_file, key_file, password=b"")
    except OSError as error:
        problem = f"{cert_file} and {key_file} cannot be used ({cause_of(error)})"
        fail(path, PLACE, f"{problem}: they must be a certificate and its key without a password, in PEM format")


def _name(name: str) -> str:
    """Return a subject alternative name, an IP address in its shortest notation."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
