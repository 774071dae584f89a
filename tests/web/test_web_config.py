"""The web configuration file: what of the shared format is understood, and how every fault of it is told."""

import fcntl
import os
import pty
import ssl
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from exporter.errors import ConfigError
from exporter.web.config import WebConfig, load
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


BLANK = """
tls_server_config: {cert_file: "", key_file: , client_ca_file: "", client_auth_type: "", min_version: }
http_server_config: {http2: , headers: }
basic_auth_users:
rate_limit: {}
"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}\n",
        "# Nothing yet.\n",
        "---\n",
        BLANK,
        *("tls_server_config:", "tls_server_config: {}", "http_server_config:", "http_server_config: {}"),
        *("basic_auth_users:", "basic_auth_users: {}", "rate_limit:", "http_server_config: {headers: {}}"),
    ],
)
def test_a_file_without_demands_makes_none(tmp_path: Path, text: str) -> None:
    config = loaded(tmp_path, text)
    assert (config.tls, dict(config.users), dict(config.headers)) == (None, {}, {})


def test_tls_is_at_least_version_1_2_and_asks_for_no_client_certificate(folder: Path) -> None:
    tls = loaded(folder, TLS + "}").tls
    assert tls is not None
    assert (tls.minimum_version, tls.verify_mode) == (ssl.TLSVersion.TLSv1_2, ssl.CERT_NONE)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """The version that both agree on; None if they do not."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return None
    return ends[0].version()


@pytest.mark.parametrize(
    ("least", "newest_of_client", "agreed"),
    [
        ("", ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (", min_version: TLS12", ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (", min_version: TLS12", ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        (", min_version: TLS13", ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        (", min_version: TLS13", ssl.TLSVersion.TLSv1_2, None),
    ],
)
def test_a_handshake_of_an_older_version_than_asked_for_fails(
    folder: Path, least: str, newest_of_client: ssl.TLSVersion, agreed: str | None
) -> None:
    server = loaded(folder, f"{TLS}{least}}}").tls
    assert server is not None
    client = ssl.create_default_context(cafile=folder / "authority.pem")
    client.maximum_version = newest_of_client
    assert handshake(server, client) == agreed


@pytest.mark.parametrize("harmless", ["max_version: TLS13", "prefer_server_cipher_suites: true", "client_ca: ''"])
def test_a_default_of_the_format_that_is_written_out_is_no_error(folder: Path, harmless: str) -> None:
    assert loaded(folder, f"{TLS}, {harmless}}}").tls is not None


@pytest.mark.parametrize("offer", ["true", "false"])
def test_the_format_s_offer_of_http_2_is_no_error(folder: Path, offer: str) -> None:
    tls = loaded(folder, f"{TLS}}}\nhttp_server_config: {{http2: {offer}}}").tls
    assert tls is not None


def test_a_blank_header_is_one_to_take_away(tmp_path: Path) -> None:
    config = loaded(tmp_path, "http_server_config: {headers: {X-Frame-Options: , X-XSS-Protection: ''}}")
    assert config.headers == {"X-Frame-Options": "", "X-XSS-Protection": ""}


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
        (TLS + ", max_version: TLS12}", "tls_server_config.max_version: is an option of the format that this exporter"),
        (TLS + ", cipher_suites: []}", "tls_server_config.cipher_suites: is an option of the format"),
        ("tls_server_config: {cert: x, key: y}", "tls_server_config.cert: is an option of the format"),
        (TLS + ", client_allowed_sans: [a]}", "tls_server_config.client_allowed_sans: is an option of the format"),
        (TLS + ", prefer_server_cipher_suites: false}", "tls_server_config.prefer_server_cipher_suites: is an option"),
        (TLS + ", client_allowed_sans: []}", "tls_server_config.client_allowed_sans: is an option of the format"),
        ("http_server_config: {http2: 2}", "http_server_config.http2: must be true or false"),
        ("basic_auth_users: {alice: }", "basic_auth_users[...]: must be a string, not nothing"),
        ("basic_auth: {}", "unknown key"),
        ("[]", "must be a mapping"),
        ("tls_server_config: {cert_file: server.crt}", 'tls_server_config: the key "key_file" is missing'),
        ("tls_server_config: {min_version: TLS13}", 'tls_server_config: the key "cert_file" is missing'),
        ("tls_server_config: {cert_file: '', key_file: a}", 'tls_server_config: the key "cert_file" is missing'),
        *(
            (
                f"{TLS}, min_version: {version}}}",
                "tls_server_config.min_version: must be TLS12 or TLS13: OpenSSL refuses all handshakes of older ones",
            )
            for version in ("TLS10", "TLS11", "TLS14")
        ),
        (TLS + ", client_auth_type: Maybe}", "tls_server_config.client_auth_type: must be one of NoClientCert"),
        (TLS + ", client_auth_type: RequireAndVerifyClientCert}", "tls_server_config.client_ca_file: is missing"),
        (
            TLS + ", client_ca_file: authority.pem}",
            "tls_server_config.client_auth_type: asks for no client certificate",
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
        (
            "missing.pem",
            "cannot be read (FileNotFoundError: No such file or directory): put it there, for the exporter to read",
        ),
        ("folder", "cannot be read (IsADirectoryError: Is a directory): name a file"),
        ('"\\0"', "cannot be read (ValueError): put it there, for the exporter to read"),
        ("pipe", "is a pipe, a device or a socket: put a regular file there"),
    ],
)
def test_a_file_of_it_that_cannot_be_read_is_named_with_what_to_do(
    folder: Path, option: str, name: str, why: str
) -> None:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    tls = TLS + ", client_ca_file: authority.pem, client_auth_type: VerifyClientCertIfGiven}"
    usual = {"cert_file": "server.crt", "key_file": "server.key", "client_ca_file": "authority.pem"}[option]
    told = fault(folder, tls.replace(f"{option}: {usual}", f"{option}: {name}"))
    file = folder / name.strip('"').replace("\\0", "\0")
    assert told == f"tls_server_config.{option}: {file} {why}; paths are relative to this file"


def test_a_password_in_the_place_of_its_hash_is_not_shown(tmp_path: Path) -> None:
    assert "Secret" not in fault(tmp_path, "basic_auth_users: {SecretUser: SecretPassword}")


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server", password=b"unknown here")
    assert fault(tmp_path, TLS + "}") == (
        f"tls_server_config.key_file: the key in {tmp_path / 'server.key'} is encrypted: "
        "take its password off, and guard it by its file's mode"
    )


def damaged(pem: str) -> str:
    """With one of its lines turned round."""
    lines = pem.splitlines()
    return "\n".join([lines[0], lines[1][::-1], *lines[2:]])


@pytest.mark.parametrize(
    ("option", "content", "told"),
    [
        ("cert_file", lambda _pem: "nonsense", "{file} holds no certificate as PEM"),
        ("cert_file", lambda _pem: "", "{file} holds no certificate as PEM"),
        ("cert_file", damaged, "{file} holds a damaged certificate"),
        ("cert_file", lambda pem: pem + damaged(pem), "{file} holds a damaged certificate"),
        ("cert_file", lambda pem: pem[:200], "{file} holds a damaged certificate"),
        ("key_file", lambda _pem: "nonsense", "{file} holds no private key as PEM"),
        ("key_file", damaged, "{file} holds a damaged private key"),
        ("key_file", lambda pem: pem[:100], "{file} holds a damaged private key"),
        ("key_file", lambda _pem: other_key(ec.generate_private_key(ec.SECP256R1())), "{file} is not the key of the"),
        ("key_file", lambda _pem: other_key(rsa.generate_private_key(65537, 2048)), "{file} is not the key of the"),
        ("client_ca_file", lambda _pem: "nonsense", "{file} holds no certificate as PEM"),
        ("client_ca_file", damaged, "{file} holds a damaged certificate"),
    ],
)
def test_of_certificates_and_key_the_one_that_is_wrong_is_named(
    folder: Path, option: str, content: Callable[[str], str], told: str
) -> None:
    name = {"cert_file": "server.crt", "key_file": "server.key", "client_ca_file": "authority.pem"}[option]
    file = folder / name
    file.write_text(content(file.read_text()))
    tls = TLS + ", client_ca_file: authority.pem, client_auth_type: VerifyClientCertIfGiven}"
    assert fault(folder, tls).startswith(f"tls_server_config.{option}: {told.format(file=file)}")


def other_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    encoding, no_encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_encryption).decode()


def test_words_beside_a_certificate_do_no_harm(folder: Path) -> None:
    file = folder / "server.crt"
    file.write_text("friendlyName: é\n" + file.read_text())
    assert loaded(folder, TLS + "}").tls is not None


def test_nobody_at_the_terminal_is_asked_for_the_password_of_a_key(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server", password=b"unknown here")
    file = tmp_path / "web.yml"
    file.write_text(TLS + "}")
    program = f"from pathlib import Path; from exporter.web.config import load; load(Path({str(file)!r}))"
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
