"""The certificate and key files of the web configuration: each fault names its file."""

import fcntl
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.certificates import Authority
from tests.processes import SECONDS
from tests.web.written import TLS, fault, loaded

FILES = {"cert_file": "server.crt", "key_file": "server.key", "client_ca_file": "authority.pem"}


ALL_FILES = TLS + ", client_ca_file: authority.pem, client_auth_type: VerifyClientCertIfGiven}"


@pytest.mark.parametrize("option", FILES)
@pytest.mark.parametrize("name", ["missing.pem", "folder", "pipe", '"\\0"'])
def test_a_file_that_cannot_be_read_is_reported_with_a_remedy(certificates: Path, option: str, name: str) -> None:
    (certificates / "folder").mkdir()
    os.mkfifo(certificates / "pipe")
    message = fault(certificates, ALL_FILES.replace(f"{option}: {FILES[option]}", f"{option}: {name}"))
    file = certificates / name.strip('"').replace("\\0", "\0")
    assert message.startswith(f"tls_server_config.{option}: {file} ")
    assert message.endswith("; paths are relative to this file")


def damaged(pem: str) -> str:
    """The text with one of its lines reversed."""
    lines = pem.splitlines()
    return "\n".join([lines[0], lines[1][::-1], *lines[2:]])


def other_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    encoding, no_encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_encryption).decode()


@pytest.mark.parametrize(
    ("option", "content"),
    [
        *((option, lambda _pem, text=text: text) for option in FILES for text in ("", "nonsense")),
        *((option, damaged) for option in FILES),
        ("cert_file", lambda pem: pem + damaged(pem)),
        *((option, lambda pem: pem[:100]) for option in ("cert_file", "key_file")),
        ("key_file", lambda _pem: other_key(ec.generate_private_key(ec.SECP256R1()))),
        ("key_file", lambda _pem: other_key(rsa.generate_private_key(65537, 2048))),
    ],
)
def test_an_invalid_file_is_rejected(certificates: Path, option: str, content: Callable[[str], str]) -> None:
    file = certificates / FILES[option]
    file.write_text(content(file.read_text()))
    message = fault(certificates, ALL_FILES)
    if option == "client_ca_file":
        assert message == "tls_server_config.client_ca_file: must be valid certificates in PEM format"
    else:
        files = f"{certificates / 'server.crt'} and {certificates / 'server.key'}"
        assert message.startswith(f"tls_server_config: {files} cannot be used (SSLError")
        assert message.endswith("): they must be a certificate and its key without a password, in PEM format")


def test_text_beside_a_certificate_is_ignored(certificates: Path) -> None:
    for name in ("server.crt", "authority.pem"):
        file = certificates / name
        file.write_text("friendlyName: é\n" + file.read_text())
    assert loaded(certificates, ALL_FILES).tls is not None


def test_openssl_does_not_ask_for_the_password_of_a_key_on_the_terminal(tmp_path: Path) -> None:
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
        _, printed = asking.communicate(timeout=SECONDS)
    finally:
        asking.kill()
        os.close(terminal)
        os.close(its_end)
    assert b"its key without a password" in printed
