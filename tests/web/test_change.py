"""A changed web configuration file, or certificate, is taken over without a restart."""

import asyncio
import re
import shutil
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest

from exporter.web import config as web_config
from exporter.web import server as web
from exporter.web.config import WebConfig
from tests.certificates import Authority
from tests.stream.watch import until
from tests.web.site import Site, basic

OFTEN: dict[str, Any] = {"look_seconds": 0.02}
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
        """Replaces the file at once, as good tools do."""
        new = self.folder / "web.yml.new"
        new.write_text(text)
        new.replace(self.file)

    def use(self, authority: Authority) -> None:
        """Puts a certificate of this authority in place, first the certificate and then the key."""
        for issued, name in zip(authority.issue("server"), ("server.crt", "server.key"), strict=True):
            shutil.copy(issued, self.folder / name)


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    return Configured(tmp_path)


@asynccontextmanager
async def running(configured: Configured, text: str) -> AsyncIterator[Site]:
    configured.write(text)
    async with Site(config_file=configured.file, **OFTEN) as site:
        yield site


async def told(site: Site, text: str) -> None:
    """Returns once the log tells it."""
    await until(lambda: any(text in line for line in site.log.lines), lambda: "\n".join(site.log.lines))


async def status(site: Site, scheme: str, tls: ssl.SSLContext | bool = True, **headers: str) -> int | str:
    """How a new connection is answered: a status, or the name of what ended it."""
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{scheme}://127.0.0.1:{site.port}/metrics", ssl=tls, headers=headers) as response,
        ):
            return response.status
    except aiohttp.ClientError as error:
        return type(error).__name__


async def test_a_new_password_is_taken_over(configured: Configured) -> None:
    async with running(configured, users(alice="old")) as site:
        assert await status(site, "http", Authorization=basic("alice", "old")) == 200
        configured.write(users(alice="new"))
        await told(site, "web configuration reloaded")
        assert await status(site, "http", Authorization=basic("alice", "old")) == 401
        assert await status(site, "http", Authorization=basic("alice", "new")) == 200


async def test_tls_can_be_turned_on(configured: Configured) -> None:
    async with running(configured, "") as site:
        assert await status(site, "http") == 200
        configured.write(TLS)
        await told(site, "web configuration reloaded")
        assert await status(site, "https", configured.first.trusting()) == 200
        assert isinstance(await status(site, "http"), str)


async def test_a_renewed_certificate_is_taken_over_though_the_file_stays(configured: Configured) -> None:
    async with running(configured, TLS) as site:
        assert await status(site, "https", configured.first.trusting()) == 200
        assert await status(site, "https", configured.second.trusting()) == "ClientConnectorCertificateError"
        configured.use(configured.second)  # for a moment the certificate is the new one and the key still the old
        await told(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting()) == 200
        assert await status(site, "https", configured.first.trusting()) == "ClientConnectorCertificateError"


async def test_who_got_in_by_a_client_certificate_is_out_once_it_is_not_trusted_any_more(
    configured: Configured,
) -> None:
    shutil.copy(configured.first.file, configured.folder / "clients.pem")
    trusted = configured.first.trusting(configured.first.issue("client"))
    other = configured.first.trusting(configured.second.issue("client"))
    async with running(configured, MUTUAL) as site, aiohttp.ClientSession() as kept:
        assert isinstance(await status(site, "https", configured.first.trusting()), str), "no certificate"
        assert isinstance(await status(site, "https", other), str), "of another authority"
        async with kept.get(f"{site.url}/metrics", ssl=trusted) as response:
            assert response.status == 200
        shutil.copy(configured.second.file, configured.folder / "clients.pem")
        await told(site, "web configuration reloaded")
        assert await status(site, "https", other) == 200

        async def is_out() -> bool:
            try:
                async with kept.get(f"{site.url}/metrics", ssl=trusted) as response:
                    return response.status != 200
            except aiohttp.ClientError:
                return True

        assert await is_out(), "over the connection that was kept, too"


async def test_a_scrape_that_runs_is_finished_and_new_ones_meet_the_new_configuration(configured: Configured) -> None:
    async with running(configured, "") as site:
        site.pages.open.clear()
        scrape = asyncio.create_task(site.get("/metrics"))
        await until(lambda: site.pages.made == 1, "the scrape")
        configured.write(users(alice="new"))
        await told(site, "web configuration reloaded")
        assert await status(site, "http") == 401
        site.pages.open.set()
        response, body = await scrape
        assert (response.status, body) == (200, b"in text")
        assert response.headers["Connection"] == "close"


async def test_who_has_connected_and_not_asked_yet_is_answered_by_the_new_configuration(
    configured: Configured,
) -> None:
    async with running(configured, "") as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        configured.write(users(alice="new"))
        await told(site, "web configuration reloaded")
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 401 Unauthorized")


async def test_no_attempt_to_connect_is_lost_while_the_configuration_changes_again_and_again(
    configured: Configured,
) -> None:
    async with running(configured, users(alice="0")) as site:
        answers: list[int | str] = []

        async def ask() -> None:
            while not stop.is_set():
                answers.append(await status(site, "http"))

        stop = asyncio.Event()
        asking = [asyncio.create_task(ask()) for _ in range(4)]
        for change in range(1, 6):
            configured.write(users(alice=f"{change}"))
            await until(lambda: sum("reloaded" in line for line in site.log.lines) >= change, f"change {change}")  # noqa: B023
        stop.set()
        await asyncio.gather(*asking)
        assert set(answers) == {401}
        assert len(answers) > 20


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("basic_auth_users: {alice: secret}", "basic_auth_users: user 1: must have a bcrypt hash"),
        ("tls_server_config: {cert_file: later.crt, key_file: later.key}", "No such file"),
        ("", ""),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_once(
    configured: Configured, bad: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path] = []
    load = web_config.load

    def counted(file: Path) -> web_config.WebConfig:
        loads.append(file)
        return load(file)

    monkeypatch.setattr(web_config, "load", counted)
    async with running(configured, users(alice="old")) as site:
        if bad:
            configured.write(bad)
        else:
            configured.file.unlink()
        await told(site, "web configuration not reloaded: the one before stays in force")
        assert why in site.log.lines[-1]
        await until(lambda: len(loads) >= 5, "further looks at it")
        assert await status(site, "http") == 401
        assert await status(site, "http", Authorization=basic("alice", "old")) == 200
        assert len(site.log.lines) == 1
        assert "secret" not in site.log.lines[0]


@pytest.mark.parametrize("written", ["", "# soon\n", TLS, TLS + "basic_auth_users:\n"])
async def test_while_the_file_is_being_written_nobody_comes_in_who_must_not(
    configured: Configured, written: str
) -> None:
    async with running(configured, TLS + users(alice="old")) as site:
        answers: set[int | str] = set()
        in_the_clear: set[int | str] = set()

        async def ask() -> None:
            while True:
                answers.add(await status(site, "https", configured.first.trusting()))
                in_the_clear.add(await status(site, "http"))

        asking = asyncio.create_task(ask())
        # In place, as editors and shells do, and the rest comes late.
        configured.file.write_text(written)
        await told(site, "web configuration not reloaded: the one before stays in force")
        configured.file.write_text(TLS + users(alice="new"))
        await told(site, "web configuration reloaded")
        assert not asking.done()
        asking.cancel()
        assert answers == {401}
        assert all(isinstance(answer, str) for answer in in_the_clear), in_the_clear
        for password, expected in (("old", 401), ("new", 200)):
            headers = {"Authorization": basic("alice", password)}
            assert await status(site, "https", configured.first.trusting(), **headers) == expected


async def test_a_file_that_keeps_changing_is_not_taken_over_until_it_holds_still(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    reload = web_config.reload

    def changing(file: Path, before: web_config.WebConfig) -> web_config.WebConfig:
        found = reload(file, before)
        looks.append(file)
        if len(looks) < 5:
            configured.file.write_text(users(alice="new") + "#" * len(looks))
        return found

    monkeypatch.setattr(web_config, "reload", changing)
    async with running(configured, users(alice="old")) as site:
        configured.write(users(alice="new"))
        await told(site, "web configuration reloaded")
        assert len(looks) == 6
        assert await status(site, "http", Authorization=basic("alice", "new")) == 200


async def test_who_was_verified_stays_so_when_a_certificate_is_renewed_but_not_when_a_password_is(
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
        await told(site, "web configuration reloaded")
        assert await status(site, "https", configured.second.trusting(), **alice) == 200
        assert len(tries) == 1
        configured.write(TLS + users(alice="other"))
        await until(lambda: len(site.log.lines) == 2, "another reload")
        assert await status(site, "https", configured.second.trusting(), **alice) == 401


async def test_what_is_wrong_for_one_look_alone_is_not_told(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    reload = web_config.reload
    looks: list[Path] = []

    def late(file: Path, before: web_config.WebConfig) -> web_config.WebConfig:
        looks.append(file)
        try:
            return reload(file, before)
        finally:
            if len(looks) == 1:
                configured.use(configured.second)

    monkeypatch.setattr(web_config, "reload", late)
    async with running(configured, TLS) as site:
        shutil.copy(configured.second.issue("server")[0], configured.folder / "server.crt")
        await told(site, "web configuration reloaded")
        assert len(site.log.lines) == 1


@pytest.mark.parametrize(
    ("without", "lost"),
    [
        ("", "TLS and client certificates and passwords"),
        ("{users}", "TLS and client certificates"),
        (TLS + "{users}", "client certificates"),
        (MUTUAL, "passwords"),
    ],
)
async def test_a_protection_is_taken_away_by_a_restart_alone(configured: Configured, without: str, lost: str) -> None:
    shutil.copy(configured.first.file, configured.folder / "clients.pem")
    alice = users(alice="right")
    without = without.replace("{users}", alice)
    async with running(configured, MUTUAL + alice) as site:
        configured.write(without)
        await told(site, f"would take away {lost}, as a file does that is not written to its end: restart the exporter")
        assert isinstance(await status(site, "https", configured.first.trusting()), str)
    async with running(configured, without) as site:
        scheme = "https" if "tls" in without else "http"
        client = configured.first.trusting(configured.first.issue("client"))
        assert await status(site, scheme, client) == (401 if alice in without else 200)


async def test_headers_are_not_all_lost_to_an_empty_file(configured: Configured) -> None:
    async with running(configured, "http_server_config: {headers: {X-XSS-Protection: '0'}}") as site:
        configured.write("")
        await told(site, "asks for nothing any more, as an empty file does: restart the exporter if it is meant")
        response, _ = await site.get("/metrics")
        assert response.headers["X-XSS-Protection"] == "0"


async def reloaded(site: Site) -> tuple[float, float]:
    """What a scrape would show: whether, and when, the configuration was read with success."""
    page = b"".join(await site.fleet.page.pieces(openmetrics=False)).decode()
    success, when = re.findall(r"^vecharge_exporter_config_last_reload_success\w+ (\S+)$", page, re.MULTILINE)
    return float(success), float(when)


async def test_a_file_that_cannot_be_used_shows_in_the_metric_of_all_exporters_until_it_can(
    configured: Configured,
) -> None:
    async with running(configured, TLS) as site:
        success, before = await reloaded(site)
        assert success == 1
        (configured.folder / "server.crt").write_text("nonsense")
        await told(site, "server.crt holds no certificate as PEM")
        assert await reloaded(site) == (0, before)
        configured.use(configured.second)
        await told(site, "web configuration reloaded")
        assert (await reloaded(site))[0] == 1
        assert (await reloaded(site))[1] > before


async def test_the_metric_is_good_only_when_both_configurations_are(configured: Configured) -> None:
    async with running(configured, users(alice="old")) as site:
        site.fleet.process.reload_successful = False
        configured.write(users(alice="new"))
        await told(site, "web configuration reloaded")
        assert (await reloaded(site))[0] == 0
        site.fleet.process.reload_successful = True
        assert (await reloaded(site))[0] == 1


async def test_certificates_that_come_after_the_file_that_names_them_are_found(configured: Configured) -> None:
    async with running(configured, "") as site:
        configured.write("tls_server_config: {cert_file: later.crt, key_file: later.key}\n")
        await told(site, "not reloaded")
        shutil.copy(configured.folder / "server.key", configured.folder / "later.key")
        shutil.copy(configured.folder / "server.crt", configured.folder / "later.crt")
        await told(site, "web configuration reloaded")
        assert await status(site, "https", configured.first.trusting()) == 200


async def test_thirty_changes_leave_nothing_behind(configured: Configured) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async with running(configured, users(alice="0")) as site:
        files, tasks = open_files(), len(asyncio.all_tasks())
        for change in range(1, 31):
            configured.write(users(alice=f"{change}"))
            await until(lambda: sum("reloaded" in line for line in site.log.lines) >= change, f"change {change}")  # noqa: B023
            assert await status(site, "http") == 401
        await until(lambda: open_files() <= files, "no more open files than at first")
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "no more tasks than at first")


async def test_a_look_that_hangs_or_breaks_is_told_and_the_next_one_comes(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    reload, back = web_config.reload, threading.Event()
    monkeypatch.setattr(web, "READ_SECONDS", 0.1)
    async with running(configured, users(alice="old")) as site:

        def hanging(*_: object) -> WebConfig:
            back.wait()  # a volume whose server is gone
            raise ZeroDivisionError

        monkeypatch.setattr(web_config, "reload", hanging)
        configured.write(users(alice="new"))
        await told(site, "not read within 0.1 s")
        assert await status(site, "http", Authorization=basic("alice", "old")) == 200
        back.set()
        await told(site, "ZeroDivisionError")
        monkeypatch.setattr(web_config, "reload", reload)
        await told(site, "web configuration reloaded")
        assert await status(site, "http", Authorization=basic("alice", "new")) == 200
