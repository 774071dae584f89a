"""A changed web configuration file is applied without a restart."""

import asyncio
import re
import shutil
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from exporter.web import config as web_config
from tests.metrics.text import text_of
from tests.stream.watch import until
from tests.web.configured import MUTUAL, TLS, Configured, logged, running, status, users
from tests.web.site import Site, basic


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    return Configured(tmp_path)


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
        await logged(site, "web configuration reload failed; keeping the previous one")
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
        await logged(site, "web configuration reload failed; keeping the previous one")
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


async def reloaded(site: Site) -> tuple[float, float]:
    """Whether and when the configuration was read successfully, from a scrape."""
    page = (await text_of(site.fleet.page)).decode()
    success, when = re.findall(r"^vecharge_exporter_config_last_reload_success\w+ (\S+)$", page, re.MULTILINE)
    return float(success), float(when)


async def test_the_reload_metric_shows_a_file_that_cannot_be_used(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        success, before = await reloaded(site)
        assert success == 1
        (configured.folder / "server.crt").write_text("nonsense")
        await logged(site, "server.key cannot be used (SSLError)")
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
