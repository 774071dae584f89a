"""The headers of every response, and the authentication of every request."""

import asyncio
import re
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from exporter.web.passwords import Passwords, TooManyWaitingError
from tests.processes import SECONDS
from tests.web.site import Site, basic

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "vecharge-exporter",
}
PAGES = [
    "/",
    "/metrics",
    "/api/v1/chargers",
    "/static/fleet.js",
    "/-/healthy",
    "/-/ready",
    "/nothing",
    "/static/nothing",
]


def configured(folder: Path, text: str) -> dict[str, Any]:
    """The options of a site with this web configuration file."""
    file = folder / "web.yml"
    file.write_text(text)
    return {"config_file": file}


def users(**passwords: str) -> str:
    hashes = {
        user: bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode() for user, password in passwords.items()
    }
    return f"basic_auth_users: {hashes}\n"


def assert_secure(headers: Any) -> None:
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"


async def test_every_response_has_the_security_headers(site: Site) -> None:
    for path in PAGES:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            response, _ = await site.get(path, method)
            assert_secure(response.headers)


async def raw(site: Site, request: bytes) -> tuple[int, dict[str, str], str]:
    """Send these bytes; return status, headers and body of the response. The exporter then closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), SECONDS)
    writer.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n"]
)
async def test_an_invalid_request_is_rejected_with_the_security_headers(site: Site, sent: bytes) -> None:
    status, headers, body = await raw(site, sent)
    assert (status, body) == (400, "400 Bad Request\n")
    assert_secure(headers)
    assert site.log.lines == [], "a port scanner fills no log"


@pytest.mark.parametrize(
    "head",
    [
        "GET /metrics HTTP/1.1\r\nExpect: foo",
        "GET /nothing HTTP/1.1\r\nExpect: 100-continue",
        "POST /-/reload HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0",
        "OPTIONS * HTTP/1.1",
        "CONNECT example:443 HTTP/1.1",
        "GET http://elsewhere/metrics HTTP/1.1",
        "GET /metrics HTTP/1.0",
        "GET /metrics HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade",
    ],
)
async def test_unusual_requests_need_the_password(tmp_path: Path, head: str) -> None:
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        status, headers, body = await raw(site, f"{head}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert (status, body) == (401, "401 Unauthorized\n")
        assert_secure(headers)


async def test_a_request_with_an_expectation_is_answered(site: Site) -> None:
    status, headers, body = await raw(
        site, b"GET /metrics HTTP/1.1\r\nHost: x\r\nExpect: foo\r\nConnection: close\r\n\r\n"
    )
    assert (status, body) == (200, "in text")
    assert_secure(headers)


async def test_an_internal_error_has_the_security_headers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(**_: object) -> bytes:
        raise RuntimeError("SecretDetail")

    monkeypatch.setattr(site.pages, "page", broken)
    response, body = await site.get("/metrics")
    assert (response.status, body) == (500, b"500 Internal Server Error\n")
    assert_secure(response.headers)
    (line,) = site.log.lines
    assert 'level=error msg="internal error while answering a request" ' in line
    assert " error=RuntimeError at=test_guard.py:" in line.replace('"', "")
    assert not re.search("SecretDetail|127.0.0.1|aiohttp.server", line)


async def test_an_internal_error_during_a_response_closes_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(**_: object) -> list[object]:
        return [b"x" * 1000, "no bytes"]

    monkeypatch.setattr(site.pages, "page", broken)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), SECONDS)
    writer.close()
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"x" * 1000)
    (line,) = site.log.lines
    assert "internal error while answering a request" in line


async def test_405_names_the_allowed_methods(site: Site) -> None:
    response, body = await site.get("/metrics", "POST")
    assert (response.status, body) == (405, b"405 Method Not Allowed\n")
    assert response.headers["Allow"] == "GET,HEAD"


async def test_a_configured_header_replaces_the_default_and_an_empty_one_removes_it(tmp_path: Path) -> None:
    headers = "{X-Frame-Options: sameorigin, X-Content-Type-Options: '', Strict-Transport-Security: max-age=60}"
    async with Site(**configured(tmp_path, f"http_server_config: {{headers: {headers}}}")) as site:
        for path in ("/metrics", "/nothing"):
            response, _ = await site.get(path)
            assert response.headers.getall("X-Frame-Options") == ["sameorigin"]
            assert response.headers["Strict-Transport-Security"] == "max-age=60"
            assert "X-Content-Type-Options" not in response.headers


async def test_without_the_password_every_path_is_401(tmp_path: Path) -> None:
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        for path in PAGES:
            response, body = await site.get(path)
            assert (response.status, body) == (401, b"401 Unauthorized\n")
            assert response.headers["WWW-Authenticate"].startswith('Basic realm="vecharge-exporter"')
            assert_secure(response.headers)
        assert site.pages.made == 0


async def test_with_the_password_the_pages_are_served(tmp_path: Path) -> None:
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        for password, status in (("wrong", 401), ("right", 200), ("wrong", 401)):
            response, _ = await site.get("/metrics", Authorization=basic("alice", password))
            assert response.status == status


async def test_a_password_beyond_the_limit_of_waiting_ones_gets_429(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crowded(_passwords: Passwords, _authorization: str | None) -> bool:
        raise TooManyWaitingError

    monkeypatch.setattr(Passwords, "accept", crowded)
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        response, body = await site.get("/metrics", Authorization=basic("alice", "right"))
        assert (response.status, body) == (429, b"429 Too Many Requests\n")
        assert int(response.headers["Retry-After"]) > 0
        assert_secure(response.headers)
        assert site.pages.made == 0


async def test_every_response_is_counted_by_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(**_: object) -> bytes:
        raise RuntimeError

    right = {"Authorization": basic("alice", "right")}
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        answers = site.fleet.process.http_answers
        await raw(site, b"nonsense\r\n\r\n")
        await site.get("/metrics")
        await site.get("/metrics", Authorization=basic("alice", "wrong"))
        for path in ("/metrics", "/nothing", "/-/ready"):
            await site.get(path, **right)
        for method in ("POST", "HEAD"):
            await site.get("/metrics", method, **right)
        await site.get("/-/reload", "POST", **right)
        monkeypatch.setattr(site.pages, "page", broken)
        await site.get("/metrics", **right)
        once = dict.fromkeys(("400", "403", "404", "405", "500", "503"), 1)
        assert {code: count for code, count in answers.items() if count} == {"200": 2, "401": 2, **once}


async def test_wrong_passwords_are_logged_with_the_client_at_powers_of_two(tmp_path: Path) -> None:
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        await site.get("/metrics")
        assert site.log.lines == [], "a browser asks without a password first"
        for n in range(5):
            await site.get("/metrics", Authorization=basic("SecretUser", f"SecretPassword{n}"))
        logged = [line.partition("level=")[2] for line in site.log.lines]
        assert logged == [f'warn msg="wrong password" client=127.0.0.1 times={times}' for times in (1, 2, 4)]


async def test_a_reload_needs_the_password(tmp_path: Path) -> None:
    async with Site(enable_lifecycle=True, **configured(tmp_path, users(alice="right"))) as site:
        response, _ = await site.get("/-/reload", "POST")
        assert (response.status, site.reloads) == (401, 0)
