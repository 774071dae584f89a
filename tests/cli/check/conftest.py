"""A server certificate that no system trusts."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.cache import UnavailableError
from tests.conftest import or_skip


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, its key in the same file."""
    return or_skip(lambda: _certificate(tmp_path_factory.mktemp("tls")))


def _certificate(folder: Path) -> Path:
    openssl = shutil.which("openssl")
    if not openssl:
        raise UnavailableError("a certificate needs openssl")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=vecharge"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([openssl, *command.split(), *names], cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
