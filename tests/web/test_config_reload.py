"""A changed web configuration file, or certificate, is applied without a restart."""

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from exporter.web import config as web_config
from tests.certificates import Authority, PrivateKey
from tests.stream.watch import until
from tests.web.site import Site, basic

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


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    return Configured(tmp_path)


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


async def test_new_users_apply_to_open_connections_too(configured: Configured) -> None:
    async with running(configured, users(alice="old")) as site, aiohttp.ClientSession() as kept:
        old = {"Authorization": basic("alice", "old")}
        async with kept.get(f"{site.url}/metrics", headers=old) as response:
            assert response.status == 200
        configured.write(users(alice="new"))
        await logged(site, "web configuration reloaded")
        async with kept.get(f"{site.url}/metrics", headers=old) as response:
            assert response.status == 401
        assert await status(site, "http", Authorization=basic("alice", "new")) == 200


async def test_new_headers_apply(configured: Configured) -> None:
    async with running(configured, "http_server_config: {headers: {X-XSS-Protection: '0'}}") as site:
        configured.write("http_server_config: {headers: {X-XSS-Protection: '1'}}")
        await logged(site, "web configuration reloaded")
        response, _ = await site.get("/metrics")
        assert response.headers["X-XSS-Protection"] == "1"


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


async def test_a_running_scrape_is_completed(configured: Configured) -> None:
    async with running(configured, users(alice="old")) as site:
        site.pages.open.clear()
        scrape = asyncio.create_task(site.get("/metrics", Authorization=basic("alice", "old")))
        await until(lambda: site.pages.made == 1, "the scrape")
        configured.write(users(alice="new"))
        await logged(site, "web configuration reloaded")
        assert await status(site, "http", Authorization=basic("alice", "old")) == 401
        site.pages.open.set()
        response, body = await scrape
        assert (response.status, body) == (200, b"in text")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("basic_auth_users: {alice: secret}", "basic_auth_users: user 1: must have a bcrypt hash"),
        ("tls_server_config: {cert_file: later.crt, key_file: later.key}", "No such file"),
        (None, "No such file"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing_and_is_logged_once(
    configured: Configured, bad: str | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path] = []
    load = web_config.load

    def counted(file: Path) -> web_config.WebConfig:
        loads.append(file)
        return load(file)

    monkeypatch.setattr(web_config, "load", counted)
    async with running(configured, users(alice="old")) as site:
        if bad is None:
            configured.file.unlink()
        else:
            configured.write(bad)
        await logged(site, "web configuration not reloaded; the previous one stays in force")
        assert why in site.log.lines[-1]
        await until(lambda: len(loads) >= 5, "further retries")
        assert await status(site, "http") == 401
        assert await status(site, "http", Authorization=basic("alice", "old")) == 200
        assert len(site.log.lines) == 1
        assert "secret" not in site.log.lines[0]


@pytest.mark.parametrize("written", ["", "# soon\n", TLS, TLS + "basic_auth_users:\n"])
async def test_a_partly_written_file_removes_no_protection(configured: Configured, written: str) -> None:
    async with running(configured, TLS + users(alice="old")) as site:
        answers: set[int | str] = set()
        unencrypted: set[int | str] = set()

        async def ask() -> None:
            while True:
                answers.add(await status(site, "https", configured.first.trusting()))
                unencrypted.add(await status(site, "http"))

        asking = asyncio.create_task(ask())
        # In place, as editors and shells do; the rest is written later.
        configured.file.write_text(written)
        await logged(site, "web configuration not reloaded; the previous one stays in force")
        configured.file.write_text(TLS + users(alice="new"))
        await logged(site, "web configuration reloaded")
        assert not asking.done()
        asking.cancel()
        assert answers == {401}
        assert all(isinstance(answer, str) for answer in unencrypted), unencrypted
        for password, expected in (("old", 401), ("new", 200)):
            headers = {"Authorization": basic("alice", password)}
            assert await status(site, "https", configured.first.trusting(), **headers) == expected


async def test_verified_passwords_are_kept_unless_a_user_changes(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[bytes] = []
    check = bcrypt.checkpw

    def counted(password: bytes, against: bytes) -> bool:
        tries.append(password)
        return check(password, against)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    alice = {"Authorization": basic("alice", "right")}
    text = TLS + users(alice="right")
    async with running(configured, text) as site:
        assert await status(site, "https", configured.first.trusting(), **alice) == 200
        configured.use(configured.second)
        await logged(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting(), **alice) == 200
        assert len(tries) == 1
        configured.write(TLS + users(alice="other"))
        await until(lambda: sum("reloaded" in line for line in site.log.lines) == 2, "another reload")
        assert await status(site, "https", configured.second.trusting(), **alice) == 401


USERS = "basic_auth_users: {alice: $2y$04$CqLBvBmaRYNksq.tZYaxo.ORIIUsMty1OIkAgBxG8ucygwpHcSqQu}\n"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (USERS, TLS + USERS, "cannot turn on TLS on reload; restart to apply"),
        (TLS + USERS, USERS, "refusing to drop TLS on reload; restart to apply"),
        (MUTUAL, "", "refusing to drop TLS on reload; restart to apply"),
        (MUTUAL, TLS, "tls_server_config: cannot change client certificates on reload; restart to apply"),
        (TLS, MUTUAL, "tls_server_config: cannot change client certificates on reload; restart to apply"),
        (
            MUTUAL,
            MUTUAL.replace("}", ", client_allowed_sans: [a]}"),
            "tls_server_config: cannot change client certificates on reload; restart to apply",
        ),
        (
            TLS,
            TLS.replace("}", ", min_version: TLS13}"),
            "tls_server_config: cannot change TLS versions on reload; restart to apply",
        ),
        (
            TLS,
            TLS.replace("}", ", curve_preferences: [X25519]}"),
            "tls_server_config: cannot change cipher suites or curves on reload; restart to apply",
        ),
        (TLS + USERS, TLS, "refusing to drop all users on reload; restart to apply"),
        (
            "http_server_config: {headers: {X-XSS-Protection: '0'}}",
            "",
            "refusing to drop all headers on reload (is the file empty?); restart to apply",
        ),
    ],
)
async def test_a_reload_rejects_changes_that_need_a_restart(
    configured: Configured, before: str, after: str, problem: str
) -> None:
    shutil.copy(configured.first.file, configured.folder / "clients.pem")
    async with running(configured, before) as site:
        configured.write(after)
        await logged(site, f"{configured.file}: {problem}")
        configured.write(before)
        await logged(site, "web configuration reloaded")
    async with running(configured, after):
        pass  # it is valid at a start


async def test_changed_client_authorities_need_a_restart(configured: Configured) -> None:
    shutil.copy(configured.first.file, configured.folder / "clients.pem")
    async with running(configured, MUTUAL) as site:
        shutil.copy(configured.second.file, configured.folder / "clients.pem")
        await logged(site, "cannot change client certificates on reload; restart to apply")
        client = configured.first.trusting(configured.first.issue("client"))
        assert await status(site, "https", client) == 200


async def reloaded(site: Site) -> tuple[float, float]:
    """Whether and when the configuration was read successfully, from a scrape."""
    page = b"".join(await site.fleet.page.pieces(openmetrics=False)).decode()
    success, when = re.findall(r"^vecharge_exporter_config_last_reload_success\w+ (\S+)$", page, re.MULTILINE)
    return float(success), float(when)


async def test_the_reload_metric_shows_a_file_that_cannot_be_used(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        success, before = await reloaded(site)
        assert success == 1
        (configured.folder / "server.crt").write_text("nonsense")
        await logged(site, "server.crt holds no certificate in PEM format")
        assert await reloaded(site) == (0, before)
        configured.use(configured.second)
        await logged(site, "web configuration reloaded")
        assert (await reloaded(site))[0] == 1
        assert (await reloaded(site))[1] > before


async def test_the_reload_metric_is_1_only_if_both_configurations_are_valid(configured: Configured) -> None:
    async with running(configured, users(alice="old")) as site:
        site.fleet.process.reload_successful = False
        configured.write(users(alice="new"))
        await logged(site, "web configuration reloaded")
        assert (await reloaded(site))[0] == 0
        site.fleet.process.reload_successful = True
        assert (await reloaded(site))[0] == 1


async def test_certificates_written_after_the_configuration_are_found(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        configured.write("tls_server_config: {cert_file: later.crt, key_file: later.key}\n")
        await logged(site, "not reloaded")
        for issued, name in zip(configured.second.issue("server"), ("later.crt", "later.key"), strict=True):
            shutil.copy(issued, configured.folder / name)
        await logged(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting()) == 200


async def test_a_check_that_fails_unexpectedly_is_logged_and_retried(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    reload = web_config.reload
    async with running(configured, users(alice="old")) as site:

        def broken(*_: object) -> web_config.WebConfig:
            raise ZeroDivisionError

        monkeypatch.setattr(web_config, "reload", broken)
        configured.write(users(alice="new"))
        await logged(site, "ZeroDivisionError")
        monkeypatch.setattr(web_config, "reload", reload)
        await logged(site, "web configuration reloaded")
        assert await status(site, "http", Authorization=basic("alice", "new")) == 200
