"""`healthcheck`: 0 the exporter says that it is well, 1 it does not, and what to do. It never hangs or guesses."""

import asyncio
import base64
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from exporter.cli import healthcheck as subject
from exporter.cli.main import main
from exporter.web.health import HEALTHY, READY
from tests.certificates import Authority
from tests.web.site import Site

PASSWORD = "SecretPassword"
# Fixed, so that a test has the same name in every worker. The hash of PASSWORD.
HASH = "$2b$04$ygnfCBcYHidm5dKJ1..f3uwuZ5rdbs1eBKsxzslxdC4JxB85ngAvO"
TLS = "tls_server_config: {cert_file: exporter.crt, key_file: exporter.key"
DEMANDING = f"{TLS}, client_ca_file: authority.pem, client_auth_type: RequireAndVerifyClientCert}}"
LOOK_LIKE = "--url must look like http://127.0.0.1:10037/-/healthy"

Ask = Callable[..., Coroutine[None, None, Result]]


def healthcheck(*flags: str, **environment: str) -> Result:
    result = CliRunner().invoke(main, ["healthcheck", *flags], env=environment)
    # Anything else is an exception that got through to the user.
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert PASSWORD not in result.output
    assert base64.b64encode(PASSWORD.encode()).decode().rstrip("=") not in result.output
    return result


def fault(result: Result) -> str:
    """What is said of an exporter that is not well."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.removeprefix("vecharge-exporter: ").rstrip("\n")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as running:
        yield running


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority in the working directory, with the certificate of an exporter that others know by its name."""
    monkeypatch.chdir(tmp_path)
    Path("password").write_text(f"{PASSWORD}\n")
    authority = Authority(tmp_path)
    authority.issue("exporter", places=("exporter.example",))
    authority.issue("client")
    return authority


@pytest.fixture
async def protected(authority: Authority, request: pytest.FixtureRequest) -> AsyncIterator[Ask]:
    """Asks an exporter that runs with the web configuration in the parameter."""
    del authority
    Path("web.yml").write_text(request.param)
    async with Site(config_file=Path("web.yml")) as site:

        async def ask(*flags: str, path: str = "/-/healthy", scheme: str | None = None) -> Result:
            url = f"{scheme or site.url.partition(':')[0]}://127.0.0.1:{site.port}{path}"
            return await asyncio.to_thread(healthcheck, f"--url={url}", *flags)

        yield ask


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server on loopback that answers whatever comes; its URL."""

    def answer_all(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=answer_all, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/-/healthy"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def http(status: int, body: str) -> bytes:
    return f"HTTP/1.1 {status} Some Reason\r\nContent-Length: {len(body)}\r\nLocation: /there\r\n\r\n{body}".encode()


class TestOpen:
    """An exporter that everybody may ask."""

    async def test_one_that_runs_is_healthy(self, site: Site) -> None:
        url = f"{site.url}/-/healthy"
        result = await asyncio.to_thread(healthcheck, f"--url={url}")
        assert (result.exit_code, result.stdout) == (0, f"{url}: healthy\n")

    async def test_it_can_be_asked_whether_it_is_ready(self, site: Site) -> None:
        url = f"{site.url}/-/ready"
        assert fault(await asyncio.to_thread(healthcheck, f"--url={url}")) == (
            f"{url}: it is not ready (503): wait, and look at its log"
        )
        site.web.is_ready = True
        assert (await asyncio.to_thread(healthcheck, f"--url={url}")).exit_code == 0

    async def test_the_url_can_be_an_environment_variable(self, site: Site) -> None:
        result = await asyncio.to_thread(healthcheck, VECHARGE_EXPORTER_URL=f"{site.url}/-/healthy")
        assert result.exit_code == 0

    async def test_a_proxy_of_the_environment_is_not_asked(self, site: Site) -> None:
        nobody = "http://127.0.0.1:1"
        proxies = {"HTTP_PROXY": nobody, "http_proxy": nobody, "ALL_PROXY": nobody}
        assert (await asyncio.to_thread(healthcheck, f"--url={site.url}/-/healthy", **proxies)).exit_code == 0

    async def test_another_page_of_it_says_nothing_of_its_health(self, site: Site) -> None:
        assert fault(await asyncio.to_thread(healthcheck, f"--url={site.url}/")) == (
            f"{site.url}/: what answers there is not the exporter's /-/healthy: check --url"
        )


class TestPassword:
    """An exporter with basic_auth_users."""

    with_users = pytest.mark.parametrize("protected", [f"basic_auth_users: {{prometheus: '{HASH}'}}"], indirect=True)

    @with_users
    async def test_with_its_password_it_is_healthy(self, protected: Ask) -> None:
        assert (await protected("--username=prometheus", "--password-file=password")).exit_code == 0

    @with_users
    async def test_without_one_it_says_which_flags_to_give(self, protected: Ask) -> None:
        assert fault(await protected()).endswith(
            "/-/healthy: it asks for a password (401): give a user of it with --username and --password-file"
        )

    @with_users
    @pytest.mark.parametrize(("user", "password"), [("prometheus", "SecretOther"), ("nobody", PASSWORD)])
    async def test_a_wrong_one_is_told(self, protected: Ask, user: str, password: str) -> None:
        Path("password").write_text(password)
        assert fault(await protected(f"--username={user}", "--password-file=password")).endswith(
            "/-/healthy: it refuses the password (401): check --username and --password-file"
        )


class TestTls:
    """An exporter with a certificate of the user's own authority, for a name that is not the one asked."""

    over_tls = pytest.mark.parametrize("protected", [f"{TLS}}}"], indirect=True)
    demanding = pytest.mark.parametrize(
        "protected", [DEMANDING, DEMANDING.replace("}", ", min_version: TLS13}")], indirect=True
    )
    known = ("--server-name=exporter.example", "--ca-file=authority.pem")

    @over_tls
    @pytest.mark.parametrize("trusted", ["authority.pem", "exporter.crt"])
    async def test_its_authority_or_its_certificate_can_be_trusted(self, protected: Ask, trusted: str) -> None:
        assert (await protected("--server-name=exporter.example", f"--ca-file={trusted}")).exit_code == 0

    @over_tls
    async def test_an_authority_that_is_not_known_is_told_with_the_flag(self, protected: Ask) -> None:
        told = fault(await protected("--server-name=exporter.example"))
        assert "/-/healthy: its certificate is not trusted (" in told
        assert told.endswith("): name its authority, or the certificate, with --ca-file")

    @over_tls
    async def test_a_stranger_is_not_trusted(self, protected: Ask, tmp_path: Path) -> None:
        Authority(tmp_path / "stranger").issue("exporter", places=("exporter.example",))
        for file in ("stranger/authority.pem", "stranger/exporter.crt"):
            told = fault(await protected("--server-name=exporter.example", f"--ca-file={file}"))
            assert "its certificate is not trusted" in told

    @over_tls
    @pytest.mark.parametrize("name", [(), ("--server-name=other.example",)])
    async def test_a_certificate_for_another_name_is_told_with_the_flag(
        self, protected: Ask, name: tuple[str, ...]
    ) -> None:
        assert fault(await protected("--ca-file=authority.pem", *name)).endswith(
            "/-/healthy: its certificate is for another name: say with --server-name which one it is for"
        )

    @over_tls
    async def test_the_other_scheme_is_told(self, protected: Ask) -> None:
        assert fault(await protected(scheme="http")).endswith(
            "/-/healthy: it ends the connection: if it serves TLS, --url must begin with https://"
        )

    @pytest.mark.parametrize("protected", [""], indirect=True)
    async def test_no_tls_is_told(self, protected: Ask) -> None:
        assert fault(await protected(scheme="https")).endswith(
            "/-/healthy: it does not speak TLS: should --url begin with http://?"
        )

    @demanding
    async def test_a_certificate_that_it_demands_can_be_shown(self, protected: Ask) -> None:
        shown = ("--cert-file=client.crt", "--key-file=client.key")
        assert (await protected(*self.known, *shown)).exit_code == 0
        Path("both.pem").write_text(Path("client.crt").read_text() + Path("client.key").read_text())
        assert (await protected(*self.known, "--cert-file=both.pem")).exit_code == 0

    @demanding
    async def test_without_one_it_says_which_flags_to_give(self, protected: Ask) -> None:
        assert fault(await protected(*self.known)).endswith(
            "/-/healthy: it ends the connection: if it demands a client certificate, give --cert-file and --key-file"
        )

    @demanding
    async def test_one_that_it_does_not_trust_is_told(self, protected: Ask, tmp_path: Path) -> None:
        Authority(tmp_path / "stranger").issue("client")
        shown = ("--cert-file=stranger/client.crt", "--key-file=stranger/client.key")
        assert fault(await protected(*self.known, *shown)).endswith(
            "/-/healthy: it ends the connection: is --cert-file of an authority that it trusts?"
        )

    @pytest.mark.parametrize("protected", [DEMANDING + f"\nbasic_auth_users: {{prometheus: '{HASH}'}}"], indirect=True)
    async def test_everything_at_once(self, protected: Ask) -> None:
        shown = ("--cert-file=client.crt", "--key-file=client.key")
        user = ("--username=prometheus", "--password-file=password")
        assert (await protected(*self.known, *shown, *user)).exit_code == 0


class TestNotWell:
    """Whatever is not the exporter's own word that it is well."""

    @pytest.mark.parametrize("text", [HEALTHY, READY])
    def test_only_the_exporters_own_words_count(self, text: str) -> None:
        with answering(http(200, f"{text}\n")) as url:
            assert healthcheck(f"--url={url}").exit_code == 0
        with answering(http(200, "OK")) as url:
            assert fault(healthcheck(f"--url={url}")) == (
                f"{url}: what answers there is not the exporter's /-/healthy: check --url"
            )

    @pytest.mark.parametrize("status", [204, 302, 404, 500])
    def test_any_other_answer_is_told(self, status: int) -> None:
        with answering(http(status, f"{HEALTHY}\n")) as url:
            assert (
                fault(healthcheck(f"--url={url}")) == f"{url}: it answers {status} in place of its health: check --url"
            )

    def test_what_is_no_http_is_told(self) -> None:
        with answering(b"220 mail.example ESMTP\r\n") as url:
            assert fault(healthcheck(f"--url={url}")) == f"{url}: what answers there does not speak HTTP: check --url"

    def test_nobody_there_is_told(self) -> None:
        assert fault(healthcheck("--url=http://127.0.0.1:1/")) == (
            "http://127.0.0.1:1/: nobody listens there: is the exporter running, and on this address?"
        )

    def test_a_host_that_is_not_there_is_told(self) -> None:
        assert fault(healthcheck("--url=http://nowhere.invalid/-/healthy")) == (
            "http://nowhere.invalid/-/healthy: the host cannot be found: check --url"
        )

    @pytest.mark.parametrize(
        "url", ["", "here", "http://", "ftp://127.0.0.1/", "http://:0/", "http://[::1/", "http://a:b/", "http://a..b/"]
    )
    def test_what_is_no_url_is_told(self, url: str) -> None:
        assert fault(healthcheck(f"--url={url}")).startswith(LOOK_LIKE)

    @pytest.mark.parametrize("password", [PASSWORD, f"12/{PASSWORD}"])
    def test_a_password_in_the_url_is_not_repeated(self, password: str) -> None:
        assert fault(healthcheck(f"--url=http://prometheus:{password}@127.0.0.1:1/-/healthy")) == (
            f"{LOOK_LIKE}: a user goes into --username and a password into --password-file"
        )


class TestFlags:
    """Flags that cannot be meant so."""

    @pytest.mark.parametrize(
        ("flags", "told"),
        [
            (["--username=prometheus"], "--username and --password-file go together: give both"),
            (["--password-file=password"], "--username and --password-file go together: give both"),
            (
                ["--username=prometheus", "--password-file=missing"],
                "--password-file missing cannot be read (FileNotFoundError: No such file or directory)",
            ),
            (["--key-file=client.key"], "--key-file goes with --cert-file: give both"),
            (["--ca-file=missing"], "--ca-file missing cannot be used (FileNotFoundError: No such file or directory)"),
            (["--ca-file=password"], "--ca-file password cannot be used (SSLError: no certificate or crl found)"),
            (["--cert-file=client.crt"], "--cert-file and --key-file cannot be used (SSLError"),
            (
                ["--cert-file=client.crt", "--key-file=exporter.key"],
                "--cert-file and --key-file cannot be used (SSLError: key values mismatch): ",
            ),
            (
                ["--cert-file=client.crt", "--key-file=missing"],
                "--cert-file and --key-file cannot be used (FileNotFoundError: No such file or directory): ",
            ),
        ],
    )
    @pytest.mark.usefixtures("authority")
    def test_they_are_told(self, flags: list[str], told: str) -> None:
        assert fault(healthcheck("--url=https://127.0.0.1:1/-/healthy", *flags)).startswith(told)


class TestTime:
    """It takes so long at the most, whatever hangs."""

    @pytest.fixture(autouse=True)
    def a_little_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subject, "SECONDS", 0.3)

    def test_an_exporter_that_says_nothing_is_told(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/-/healthy"
            assert fault(healthcheck(f"--url={url}")) == (
                f"{url}: no answer within 5 s: is it overloaded, or is there a firewall between?"
            )

    def test_one_that_trickles_is_too_late_as_well(self) -> None:
        def trickle() -> None:
            client, _ = listener.accept()
            with client:
                # Longer than it is asked for, and yet not for ever.
                for _ in range(30):
                    client.sendall(b"H")
                    time.sleep(0.05)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = Thread(target=trickle)
            thread.start()
            begun = time.monotonic()
            assert "no answer within" in fault(healthcheck(f"--url=http://127.0.0.1:{listener.getsockname()[1]}/"))
            assert time.monotonic() - begun < 1.4
            thread.join()

    def test_a_file_that_never_ends_holds_nothing_up(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        flags = ("--username=prometheus", f"--password-file={tmp_path / 'pipe'}")
        assert "no answer within" in fault(healthcheck("--url=http://127.0.0.1:1/", *flags))
        # Lets the thread that was left behind go.
        os.close(os.open(tmp_path / "pipe", os.O_WRONLY))
