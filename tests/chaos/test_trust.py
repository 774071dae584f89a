"""Faults of certificates and tokens."""

import ssl
from pathlib import Path

from tests.certificates import DAY, Authority
from tests.chaos.faults import connect_failure, holds
from tests.chaos.scene import TOKEN, Scene

HOST = "127.0.0.1"


@holds(connect_failure("The server's certificate has expired", "tls", "certificate has expired"))
async def test_an_expired_certificate_is_not_trusted(scene: Scene, authority: Authority) -> None:
    await mistrusted(scene, authority, authority.serving(HOST, expires=-DAY))


@holds(connect_failure("Its certificate is for another name", "tls", "certificate is not valid for '127.0.0.1'"))
async def test_a_certificate_for_another_name_is_not_trusted(scene: Scene, authority: Authority) -> None:
    await mistrusted(scene, authority, authority.serving("127.0.0.2"))


@holds(connect_failure("Its certificate is from an unknown issuer", "tls", "unable to get local issuer certificate"))
async def test_a_certificate_of_an_unknown_issuer_is_not_trusted(
    scene: Scene, authority: Authority, tmp_path: Path
) -> None:
    await mistrusted(scene, authority, Authority(tmp_path, "a stranger").serving(HOST))


async def mistrusted(scene: Scene, authority: Authority, certificate: ssl.SSLContext) -> None:
    """For a while a trusted server has another certificate."""
    scene.ca_file = authority.file
    trusted = authority.serving(HOST)
    if scene.proxy.tls is None:
        await show(scene, trusted)
    async with scene.with_fault():
        await show(scene, certificate)
        await scene.noticed()
        await show(scene, trusted)


async def show(scene: Scene, certificate: ssl.SSLContext) -> None:
    await scene.proxy.die()
    scene.proxy.tls = certificate
    await scene.proxy.listen()


@holds(connect_failure("The token is rejected, then accepted", "rejected", "the service refused token or charger"))
async def test_a_refused_token_is_retried(scene: Scene) -> None:
    async with scene.with_fault():
        scene.service.rules(refuse="Authentication error")
        scene.proxy.cut()
        await scene.noticed()
        scene.service.rules(refuse=None)


@holds(connect_failure("The token file is missing, then restored", "other", "cannot be read"))
async def test_a_token_file_that_is_missing_is_read_again(scene: Scene) -> None:
    async with scene.with_fault():
        scene.token_file.unlink()
        scene.proxy.cut()
        await scene.noticed()
        scene.token_file.write_text(TOKEN)
