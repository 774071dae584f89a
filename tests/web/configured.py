"""A web side with a configuration file that the test changes."""

import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt

from tests.certificates import Authority, PrivateKey
from tests.stream.watch import until
from tests.web.site import Site

OFTEN: dict[str, Any] = {"check_seconds": 0.02}


TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


MUTUAL = (
    "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: clients.pem, "
    "client_auth_type: RequireAndVerifyClientCert}\n"
)


def users(**passwords: str) -> str:
    hashes = {user: bcrypt.hashpw(text.encode(), bcrypt.gensalt(4)).decode() for user, text in passwords.items()}
    return f"basic_auth_users: {hashes}\n"


class Configured:
    """A folder with a web configuration file, and certificates of two authorities."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "web.yml"
        self.first = Authority(folder / "first")
        self.second = Authority(folder / "second")
        self.use(self.first)

    def write(self, text: str) -> None:
        """Replace the file atomically."""
        new = self.folder / "web.yml.new"
        new.write_text(text)
        new.replace(self.file)

    def use(self, authority: Authority, key: PrivateKey | None = None) -> None:
        """Install a certificate of this authority, first the certificate and then the key."""
        for issued, name in zip(authority.issue("server", key=key), ("server.crt", "server.key"), strict=True):
            shutil.copy(issued, self.folder / name)


@asynccontextmanager
async def running(configured: Configured, text: str) -> AsyncIterator[Site]:
    configured.write(text)
    async with Site(config_file=configured.file, **OFTEN) as site:
        yield site


async def logged(site: Site, text: str) -> None:
    """Wait until a line of the log contains `text`."""
    await until(lambda: any(text in line for line in site.log.lines), lambda: "\n".join(site.log.lines))


async def status(site: Site, scheme: str, tls: ssl.SSLContext | bool = True, **headers: str) -> int | str:
    """The status of a request over a new connection, or the name of the client's error."""
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{scheme}://127.0.0.1:{site.port}/metrics", ssl=tls, headers=headers) as response,
        ):
            return response.status
    except aiohttp.ClientError as error:
        return type(error).__name__
