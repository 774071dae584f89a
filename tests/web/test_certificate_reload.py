"""A renewed certificate is applied without a restart."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.web.configured import MUTUAL, TLS, Configured, logged, running, status


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    return Configured(tmp_path)


async def test_a_renewed_certificate_applies_to_new_connections(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        assert await status(site, "https", configured.first.trusting()) == 200
        assert await status(site, "https", configured.second.trusting()) == "ClientConnectorCertificateError"
        configured.use(configured.second)  # for a moment the certificate is new and the key is old
        await logged(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting()) == 200
        assert await status(site, "https", configured.first.trusting()) == "ClientConnectorCertificateError"


async def test_a_renewed_certificate_applies_with_a_key_of_another_type(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        configured.use(configured.second, rsa.generate_private_key(65537, 2048))
        await logged(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting()) == 200
        assert await status(site, "https", configured.first.trusting()) == "ClientConnectorCertificateError"


async def test_a_renewed_certificate_applies_with_other_file_names(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        for issued, name in zip(configured.second.issue("server"), ("new.crt", "new.key"), strict=True):
            shutil.copy(issued, configured.folder / name)
        configured.write("tls_server_config: {cert_file: new.crt, key_file: new.key}")
        await logged(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting()) == 200


async def test_changed_client_authorities_need_a_restart(configured: Configured) -> None:
    shutil.copy(configured.first.file, configured.folder / "clients.pem")
    async with running(configured, MUTUAL) as site:
        shutil.copy(configured.second.file, configured.folder / "clients.pem")
        await logged(site, "cannot change client certificates on reload; restart to apply")
        client = configured.first.trusting(configured.first.issue("client"))
        assert await status(site, "https", client) == 200


async def test_certificates_written_after_the_configuration_are_found(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        configured.write("tls_server_config: {cert_file: later.crt, key_file: later.key}\n")
        await logged(site, "web configuration reload failed")
        for issued, name in zip(configured.second.issue("server"), ("later.crt", "later.key"), strict=True):
            shutil.copy(issued, configured.folder / name)
        await logged(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting()) == 200
