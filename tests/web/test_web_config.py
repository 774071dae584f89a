"""The web configuration file: what of the shared format is understood, and how every fault of it is told."""

import fcntl
import os
import pty
import ssl
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from exporter.errors import ConfigError
from exporter.web_config import WebConfig, load
from tests.certificates import Authority
from tests.processes import SECONDS

HASH = "$2y$10$CqLBvBmaRYNksq.tZYaxo.ORIIUsMty1OIkAgBxG8ucygwpHcSqQu"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with server.crt, server.key and authority.pem."""
    Authority(tmp_path).issue("server")
    return tmp_path


def loaded(folder: Path, text: str) -> WebConfig:
    file = folder / "web.yml"
    file.write_text(text)
    return load(file)


def fault(folder: Path, text: str) -> str:
    """What is said of a file, without its name."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    name, _, told = str(caught.value).partition(": ")
    assert name == str(folder / "web.yml")
    assert "\n" not in told
    return told


@pytest.mark.parametrize("text", ["", "{}\n", "basic_auth_users: {}\n"])
def test_a_file_without_demands_makes_none(tmp_path: Path, text: str) -> None:
    config = loaded(tmp_path, text)
    assert (config.tls, dict(config.users), dict(config.headers)) == (None, {}, {})


def test_tls_is_at_least_version_1_2_and_asks_for_no_client_certificate(folder: Path) -> None:
    tls = loaded(folder, TLS + "}").tls
    assert tls is not None
    assert (tls.minimum_version, tls.verify_mode) == (ssl.TLSVersion.TLSv1_2, ssl.CERT_NONE)


def test_a_later_tls_version_can_be_asked_for(folder: Path) -> None:
    tls = loaded(folder, TLS + ", min_version: TLS13}").tls
    assert tls is not None
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("asked", "mode"),
    [("RequireAndVerifyClientCert", ssl.CERT_REQUIRED), ("VerifyClientCertIfGiven", ssl.CERT_OPTIONAL)],
)
def test_client_certificates_can_be_asked_for(folder: Path, asked: str, mode: ssl.VerifyMode) -> None:
    tls = loaded(folder, TLS + f", client_ca_file: authority.pem, client_auth_type: {asked}}}").tls
    assert tls is not None
    assert tls.verify_mode == mode
    assert len(tls.get_ca_certs()) == 1


def test_paths_are_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert loaded(folder, TLS + "}").tls is not None


def test_users_and_headers_are_taken_as_they_are(tmp_path: Path) -> None:
    headers = (
        "http_server_config: {http2: false, headers: {Strict-Transport-Security: max-age=60, X-Frame-Options: ''}}"
    )
    config = loaded(tmp_path, f"basic_auth_users: {{alice: '{HASH}'}}\n{headers}\n")
    assert config.users == {"alice": HASH.encode()}
    assert config.headers == {"Strict-Transport-Security": "max-age=60", "X-Frame-Options": ""}


def test_no_hash_stands_in_what_is_printed(tmp_path: Path) -> None:
    assert HASH not in repr(loaded(tmp_path, f"basic_auth_users: {{alice: '{HASH}'}}"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rate_limit: {interval: 1s}", "rate_limit: is an option of the format that this exporter does not support"),
        (TLS + ", max_version: TLS13}", "tls_server_config.max_version: is an option of the format that this exporter"),
        (TLS + ", cipher_suites: []}", "tls_server_config.cipher_suites: is an option of the format"),
        ("tls_server_config: {cert: x, key: y}", "tls_server_config.cert: is an option of the format"),
        (TLS + ", client_allowed_sans: [a]}", "tls_server_config.client_allowed_sans: is an option of the format"),
        ("http_server_config: {http2: true}", "http_server_config.http2: must be false: this exporter speaks HTTP/1.1"),
        ("basic_auth: {}", "unknown key"),
        ("[]", "must be a mapping"),
        ("tls_server_config: {cert_file: server.crt}", 'tls_server_config: the key "key_file" is missing'),
        (TLS + ", min_version: TLS14}", "tls_server_config.min_version: must be one of TLS10, TLS11, TLS12, TLS13"),
        (TLS + ", client_auth_type: Maybe}", "tls_server_config.client_auth_type: must be one of NoClientCert"),
        (TLS + ", client_auth_type: RequireAndVerifyClientCert}", "tls_server_config.client_ca_file: is missing"),
        (
            TLS + ", client_ca_file: authority.pem}",
            "tls_server_config.client_auth_type: asks for no client certificate",
        ),
        (
            "tls_server_config: {cert_file: authority.pem, key_file: server.key}",
            "tls_server_config.cert_file: certificate and key cannot be used together (SSLError: key values mismatch)",
        ),
        (
            TLS + ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: web.yml}",
            "tls_server_config.client_ca_file: cannot be used (SSLError: no certificate or crl found)",
        ),
        ("basic_auth_users: {alice: secret}", "basic_auth_users: user 1: must have a bcrypt hash"),
        (
            f"basic_auth_users: {{alice: '{HASH.replace('$10$', '$31$')}'}}",
            "basic_auth_users: user 1: must have a bcrypt",
        ),
        (
            f"basic_auth_users: {{'a:b': '{HASH}'}}",
            "basic_auth_users: user 1: a name must not be empty or hold a colon",
        ),
        (f"basic_auth_users: {{'': '{HASH}'}}", "basic_auth_users: user 1: a name must not be empty or hold a colon"),
        (
            "http_server_config: {headers: {Content-Length: '0'}}",
            "http_server_config.headers: must be of Content-Security-Policy, Strict-Transport-Security, ",
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "0\\r\\nSet-Cookie: a=b"}}',
            "http_server_config.headers.X-XSS-Protection: must be one line of ASCII",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: allow}}",
            "http_server_config.headers.X-Frame-Options: must be deny or sameorigin, or empty to take the header away",
        ),
    ],
)
def test_every_fault_is_told_with_its_place(folder: Path, text: str, told: str) -> None:
    assert fault(folder, text).startswith(told)


@pytest.mark.parametrize("option", ["cert_file", "key_file", "client_ca_file"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing.pem", "FileNotFoundError: No such file or directory"),
        ("folder", "IsADirectoryError: Is a directory"),
        ('"\\0"', "ValueError"),
    ],
)
def test_a_file_of_it_that_cannot_be_read_is_named_with_what_to_do(
    folder: Path, option: str, name: str, why: str
) -> None:
    (folder / "folder").mkdir()
    tls = TLS + ", client_ca_file: authority.pem, client_auth_type: VerifyClientCertIfGiven}"
    usual = {"cert_file": "server.crt", "key_file": "server.key", "client_ca_file": "authority.pem"}[option]
    told = fault(folder, tls.replace(f"{option}: {usual}", f"{option}: {name}"))
    file = folder / name.strip('"').replace("\\0", "\0")
    assert told == (
        f"tls_server_config.{option}: {file} cannot be read ({why}): put it there, for the exporter to read; "
        "paths are relative to this file"
    )


def test_a_password_in_the_place_of_its_hash_is_not_shown(tmp_path: Path) -> None:
    assert "Secret" not in fault(tmp_path, "basic_auth_users: {SecretUser: SecretPassword}")


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server", password=b"unknown here")
    assert fault(tmp_path, TLS + "}").startswith("tls_server_config.cert_file: certificate and key cannot be used")


def test_nobody_at_the_terminal_is_asked_for_the_password_of_a_key(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server", password=b"unknown here")
    file = tmp_path / "web.yml"
    file.write_text(TLS + "}")
    program = f"from pathlib import Path; from exporter.web_config import load; load(Path({str(file)!r}))"
    terminal, its_end = pty.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=its_end,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    try:
        _, told = asking.communicate(timeout=SECONDS)
    finally:
        asking.kill()
        os.close(terminal)
        os.close(its_end)
    assert b"ConfigError" in told


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.yml: cannot be read \(FileNotFoundError: No such file"):
        load(tmp_path / "web.yml")


@pytest.mark.parametrize("changed", ["web.yml", "server.crt", "server.key", "authority.pem"])
def test_a_change_of_any_file_is_a_change_of_the_configuration(folder: Path, changed: str) -> None:
    config = loaded(folder, TLS + ", client_ca_file: authority.pem, client_auth_type: VerifyClientCertIfGiven}")
    assert not config.has_changed()
    # As tools that renew certificates do it: another file takes the place.
    other = folder / "other"
    other.write_bytes((folder / changed).read_bytes())
    os.utime(other, ns=(1, (folder / changed).stat().st_mtime_ns))
    other.replace(folder / changed)
    assert config.has_changed()


def test_a_file_that_is_gone_is_a_change(folder: Path) -> None:
    config = loaded(folder, TLS + "}")
    (folder / "server.crt").unlink()
    assert config.has_changed()
