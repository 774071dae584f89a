"""`healthcheck` exits with 0 if the exporter is healthy, else with 1 and one line with a remedy."""

import asyncio
import os
import socket
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
# The hash of PASSWORD. Constant, so that a test has the same name in every worker.
HASH = "$2b$04$ygnfCBcYHidm5dKJ1..f3uwuZ5rdbs1eBKsxzslxdC4JxB85ngAvO"
TLS = "tls_server_config: {cert_file: exporter.crt, key_file: exporter.key}\n"
USERS = f"basic_auth_users: {{prometheus: '{HASH}'}}\n"
CREDENTIALS = ("--username=prometheus", "--password-file=password")
LOOK_LIKE = "--url must look like http://127.0.0.1:10037/-/healthy"

Ask = Callable[..., Coroutine[None, None, Result]]


def healthcheck(*flags: str, **environment: str) -> Result:
    result = CliRunner().invoke(main, ["healthcheck", *flags], env=environment)
    # Otherwise an exception reached the user.
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert PASSWORD not in result.output
    return result


def fault(result: Result) -> str:
    """The message for an unhealthy exporter, without the URL."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.removeprefix("vecharge-exporter: ").rstrip("\n").rpartition("/: ")[2].rpartition("ealthy: ")[2]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as running:
        yield running


@pytest.fixture
async def protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Ask]:
    """Checks an exporter with the web configuration of the parameter."""
    monkeypatch.chdir(tmp_path)
    Authority(tmp_path).issue("exporter", places=("127.0.0.1",))
    Path("password").write_text(f"{PASSWORD}\n")
    Path("web.yml").write_text(request.param)
    async with Site(config_file=Path("web.yml")) as site:

        async def ask(*flags: str, scheme: str = site.url.partition(":")[0], host: str = "127.0.0.1") -> Result:
            return await asyncio.to_thread(healthcheck, f"--url={scheme}://{host}:{site.port}/-/healthy", *flags)

        yield ask


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The URL of a server on loopback that gives this answer to every request."""

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


async def test_an_exporter_that_runs_is_healthy(site: Site) -> None:
    url = f"{site.url}/-/healthy"
    result = await asyncio.to_thread(healthcheck, f"--url={url}")
    assert (result.exit_code, result.stdout) == (0, f"{url}: healthy\n")


async def test_readiness_can_be_checked(site: Site) -> None:
    url = f"{site.url}/-/ready"
    assert "ready: answers 503: check --url" in fault(await asyncio.to_thread(healthcheck, f"--url={url}"))
    site.web.pages.is_ready = True
    assert (await asyncio.to_thread(healthcheck, f"--url={url}")).exit_code == 0


async def test_each_option_has_its_own_variable(site: Site, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("unasked")
    result = await asyncio.to_thread(
        healthcheck,
        VECHARGE_HEALTHCHECK_URL=f"{site.url}/-/healthy",
        VECHARGE_HEALTHCHECK_USERNAME="prometheus",
        VECHARGE_HEALTHCHECK_PASSWORD_FILE=str(tmp_path / "password"),
    )
    assert result.exit_code == 0
    used = [option.envvar for command in main.commands.values() for option in command.params]
    assert used.count("VECHARGE_HEALTHCHECK_URL") == 1


async def test_a_proxy_of_the_environment_is_not_used(site: Site) -> None:
    nobody = "http://127.0.0.1:1"
    proxies = {"HTTP_PROXY": nobody, "http_proxy": nobody, "ALL_PROXY": nobody}
    assert (await asyncio.to_thread(healthcheck, f"--url={site.url}/-/healthy", **proxies)).exit_code == 0


@pytest.mark.parametrize("protected", [USERS, TLS + USERS], indirect=True, ids=["http", "https"])
async def test_a_protected_exporter_is_healthy_with_the_password_and_authority(protected: Ask) -> None:
    assert (await protected(*CREDENTIALS, "--ca-file=authority.pem")).exit_code == 0


@pytest.mark.parametrize("protected", [USERS], indirect=True)
async def test_a_missing_or_wrong_password_is_reported(protected: Ask) -> None:
    message = "asks for a password (401): check --username and --password-file"
    assert fault(await protected()) == message
    Path("password").write_text("SecretOther")
    assert fault(await protected(*CREDENTIALS)) == message


@pytest.mark.parametrize("protected", [TLS], indirect=True)
async def test_an_untrusted_certificate_or_one_of_another_host_is_reported(protected: Ask) -> None:
    message = "TLS failed: check the scheme of --url, or name the authority of the certificate with --ca-file"
    assert fault(await protected()) == message
    assert fault(await protected("--ca-file=authority.pem", host="localhost")) == message
    assert "cannot be reached" in fault(await protected(scheme="http"))


@pytest.mark.parametrize("protected", [""], indirect=True)
async def test_an_exporter_without_tls_is_reported(protected: Ask) -> None:
    assert fault(await protected(scheme="https")).startswith("TLS failed: check the scheme of --url")


@pytest.mark.parametrize("text", [HEALTHY, READY])
def test_only_the_body_of_the_exporter_is_healthy(text: str) -> None:
    with answering(http(200, f"{text}\n")) as url:
        assert healthcheck(f"--url={url}").exit_code == 0
    with answering(http(200, "OK")) as url:
        assert fault(healthcheck(f"--url={url}")).startswith("the answer is not that of /-/healthy or /-/ready")


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_any_other_status_is_reported(status: int) -> None:
    with answering(http(status, f"{HEALTHY}\n")) as url:
        message = f"answers {status}: check --url, and look at the exporter's log"
        assert fault(healthcheck(f"--url={url}")) == message


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://nowhere.invalid/"])
def test_an_unreachable_exporter_is_reported(url: str) -> None:
    message = "cannot be reached: is the exporter running, and does it listen there?"
    assert fault(healthcheck(f"--url={url}")) == message


def test_a_server_that_does_not_speak_http_is_unreachable() -> None:
    with answering(b"220 mail.example ESMTP\r\n") as url:
        assert "cannot be reached" in fault(healthcheck(f"--url={url}"))


@pytest.mark.parametrize("url", ["", "here", "http://", "ftp://127.0.0.1/", "http://[::1/", "http://a:b/"])
def test_an_invalid_url_is_rejected(url: str) -> None:
    assert fault(healthcheck(f"--url={url}")).startswith(LOOK_LIKE.removesuffix("healthy"))


@pytest.mark.parametrize("password", [PASSWORD, f"12/{PASSWORD}"])
def test_a_password_in_the_url_is_rejected_and_not_printed(password: str) -> None:
    message = fault(healthcheck(f"--url=http://prometheus:{password}@127.0.0.1:1/-/healthy"))
    assert message == "pass a user with --username and --password-file"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--username=prometheus"], "--username and --password-file go together: give both"),
        (["--password-file=password"], "--username and --password-file go together: give both"),
        (["--username=prometheus", "--password-file=missing"], "--password-file missing cannot be read (FileNotFound"),
        (["--username=prometheus", "--password-file=pipe"], "--password-file pipe is a pipe, a device or a socket"),
        (["--ca-file=missing"], "--ca-file missing cannot be read (FileNotFoundError: No such file or directory)"),
        (["--ca-file=pipe"], "--ca-file pipe is a pipe, a device or a socket: put a regular file there"),
        (["--ca-file=password"], "cannot be reached"),
    ],
)
def test_an_unusable_flag_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("password").write_text(PASSWORD)
    assert fault(healthcheck("--url=https://127.0.0.1:1/-/healthy", *flags)).startswith(message)


def test_an_exporter_that_does_not_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/-/healthy"
        assert fault(healthcheck(f"--url={url}")) == "no answer within 0.3 s: is the exporter overloaded?"
