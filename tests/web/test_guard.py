"""What every answer carries, and who gets one."""

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from exporter.web.guard import line_of
from exporter.web.passwords import Passwords
from exporter.web.turns import CrowdedError
from tests.processes import SECONDS
from tests.stream.watch import until
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


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    for path in PAGES:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            response, _ = await site.get(path, method)
            assert_secure(response.headers)


@pytest.mark.parametrize(
    "said", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n"]
)
async def test_what_is_no_http_is_refused_in_one_line_with_the_security_headers(site: Site, said: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(said)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    assert status.endswith(" 400 Bad Request")
    assert_secure(dict(line.split(": ", 1) for line in lines))
    assert body == "400 Bad Request\n"
    assert site.log.lines == [], "a port scanner fills no log"


async def test_a_fault_of_ours_is_an_answer_with_the_security_headers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
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


async def test_a_fault_of_ours_in_the_middle_of_an_answer_ends_the_connection(
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


async def test_another_method_is_refused_with_those_that_there_are(site: Site) -> None:
    response, body = await site.get("/metrics", "POST")
    assert (response.status, body) == (405, b"405 Method Not Allowed\n")
    assert response.headers["Allow"] == "GET,HEAD"


async def test_a_configured_header_takes_the_place_of_our_own_and_an_empty_one_takes_it_away(tmp_path: Path) -> None:
    headers = "{X-Frame-Options: sameorigin, X-Content-Type-Options: '', Strict-Transport-Security: max-age=60}"
    async with Site(**configured(tmp_path, f"http_server_config: {{headers: {headers}}}")) as site:
        for path in ("/metrics", "/nothing"):
            response, _ = await site.get(path)
            assert response.headers.getall("X-Frame-Options") == ["sameorigin"]
            assert response.headers["Strict-Transport-Security"] == "max-age=60"
            assert "X-Content-Type-Options" not in response.headers


async def test_without_the_password_no_page_is_shown_and_none_is_told_to_exist(tmp_path: Path) -> None:
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        for path in PAGES:
            response, body = await site.get(path)
            assert (response.status, body) == (401, b"401 Unauthorized\n")
            assert response.headers["WWW-Authenticate"].startswith('Basic realm="vecharge-exporter"')
            assert_secure(response.headers)
        assert site.pages.made == 0


async def test_with_the_password_the_pages_are_shown(tmp_path: Path) -> None:
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        for password, status in (("wrong", 401), ("right", 200), ("wrong", 401)):
            response, _ = await site.get("/metrics", Authorization=basic("alice", password))
            assert response.status == status


async def test_what_cannot_be_tried_now_is_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    async def crowded(_passwords: Passwords, _authorization: str | None, line: str, _left: object) -> bool:
        lines.append(line)
        raise CrowdedError

    monkeypatch.setattr(Passwords, "accept", crowded)
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        response, body = await site.get("/metrics", Authorization=basic("alice", "right"))
        assert (response.status, body) == (429, b"429 Too Many Requests\n")
        assert int(response.headers["Retry-After"]) > 0
        assert_secure(response.headers)
        assert site.pages.made == 0
    assert lines == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_clients_wait_together_by_address_or_by_network_of_ipv6(one: str, other: str, together: bool) -> None:
    assert (line_of(one) == line_of(other)) == together


async def test_no_bcrypt_is_spent_on_clients_that_hang_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bytes] = []
    check = bcrypt.checkpw

    def counted(password: bytes, against: bytes) -> bool:
        tried.append(password)
        assert may_go_on.wait(SECONDS)
        return check(password, against)

    may_go_on = threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    async with Site(**configured(tmp_path, users(alice="right"))) as site:
        before = len(asyncio.all_tasks())
        for n in range(10):
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
            head = f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('alice', f'wrong{n}')}\r\n\r\n"
            writer.write(head.encode())
            # A task for the connection, and one for its password.
            await until(lambda: len(asyncio.all_tasks()) >= before + 2 * (n + 1), f"client {n}")  # noqa: B023
            writer.transport.abort()
        await site.get("/")
        may_go_on.set()
        response, _ = await site.get("/metrics", Authorization=basic("alice", "right"))
        assert response.status == 200
    assert tried == [b"wrong0", b"right"]


async def test_a_reload_needs_the_password_too(tmp_path: Path) -> None:
    async with Site(enable_lifecycle=True, **configured(tmp_path, users(alice="right"))) as site:
        response, _ = await site.get("/-/reload", "POST")
        assert (response.status, site.reloads) == (401, 0)
