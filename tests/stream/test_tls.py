"""TLS to a service: later connections resume the session of an earlier one if the service allows it."""

import ssl
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from exporter.stream.http_sessions import HttpSessions
from exporter.stream.tls import ResumingContext
from tests.certificates import Authority
from tests.processes import SECONDS
from tests.stream.script import scripted

# Frees 20 MB in the heap, begins a TLS connection, and prints how many megabytes were returned to the system.
FREE_AND_CONNECT = """
import asyncio, ctypes, os, ssl
from pathlib import Path
from exporter.stream.tls import event_loop_factory

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

def resident_megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

async def begin_connection():
    connecting = asyncio.get_running_loop().create_connection(
        asyncio.Protocol, "127.0.0.1", 9, ssl=ssl.create_default_context()
    )
    try:
        connecting.send(None)
    finally:
        connecting.close()

async def measure():
    blocks = [libc.malloc(100_000) for _ in range(200)]
    for block in blocks:
        ctypes.memset(ctypes.c_void_p(block), 1, 100_000)
    libc.malloc(100_000)  # glibc itself returns free memory at the end of the heap
    for block in blocks:
        libc.free(ctypes.c_void_p(block))
    before = resident_megabytes()
    await begin_connection()
    print(before - resident_megabytes())

with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
    runner.run(measure())
"""


def greeting(tls: ssl.SSLContext) -> AbstractAsyncContextManager[str]:
    """The address of a websocket server that says hello."""
    return scripted(["hello"], tls)


async def greeted(http: HttpSessions, url: str) -> ssl.SSLObject:
    """The TLS object of a new connection that has received data."""
    async with http.for_websockets().ws_connect(f"{url}/socket.io/") as socket:
        assert await socket.receive_str() == "hello"
        http.joined(socket)
        connection = socket.get_extra_info("ssl_object")
        assert isinstance(connection, ssl.SSLObject)
        return connection


def client(authority: Authority, host: str = "127.0.0.1") -> HttpSessions:
    context = ResumingContext(host)
    context.load_verify_locations(authority.file)
    return HttpSessions(aiohttp.TCPConnector(ssl=context), SECONDS, tls=context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_second_connection_resumes_the_session_of_the_first(tmp_path: Path, version: ssl.TLSVersion) -> None:
    authority = Authority(tmp_path)
    serving = authority.serving("127.0.0.1")
    serving.maximum_version = version
    http = client(authority)
    async with greeting(serving) as url:
        reused = [(await greeted(http, url)).session_reused for _ in range(3)]
        await http.close()
    assert reused == [False, True, True]


async def test_a_long_message_is_read_record_by_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = []
    read = ssl.SSLObject.read

    def recorded(connection: ssl.SSLObject, length: int, buffer: bytearray | None = None) -> bytes:
        if not connection.server_side:
            asked_for.append(length)
        return read(connection, length, buffer)

    monkeypatch.setattr(ssl.SSLObject, "read", recorded)
    authority = Authority(tmp_path)
    http = client(authority)
    message = "x" * 100_000
    async with scripted([message], authority.serving("127.0.0.1")) as url:
        async with http.for_websockets().ws_connect(f"{url}/socket.io/") as socket:
            assert await socket.receive_str() == message
        await http.close()
    assert max(asked_for) == 16 * 1024


def test_a_new_connection_does_not_get_the_resident_memory_of_those_that_have_ended() -> None:
    # In a process of its own: the heap of this one depends on other tests.
    command = [sys.executable, "-c", FREE_AND_CONNECT]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS).stdout
    assert float(output) > 15


async def test_a_service_that_forgets_sessions_gets_a_full_handshake(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    http = client(authority)
    for _ in range(2):
        async with greeting(authority.serving("127.0.0.1")) as url:
            assert not (await greeted(http, url)).session_reused
    await http.close()


async def test_a_session_is_offered_to_its_own_host_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    http = client(authority, host="another.example")
    async with greeting(authority.serving("127.0.0.1")) as url:
        for _ in range(2):
            assert not (await greeted(http, url)).session_reused
        await http.close()


async def test_a_session_is_read_once_per_minute_if_the_service_resumes_none() -> None:
    # CPython 3.11 leaks memory at each reading.
    looks = 0

    class Full:
        session_reused = False

        @property
        def session(self) -> None:
            nonlocal looks
            looks += 1

    context = ResumingContext("host")
    for _ in range(10):
        context.keep_session_of(cast("ssl.SSLObject", Full()))
    assert looks == 1


async def test_a_certificate_of_an_unknown_issuer_is_rejected(tmp_path: Path) -> None:
    http = client(Authority(tmp_path / "trusted"))
    async with greeting(Authority(tmp_path / "other").serving("127.0.0.1")) as url:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await greeted(http, url)
        await http.close()


async def test_a_certificate_of_another_host_is_rejected(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    http = client(authority)
    async with greeting(authority.serving("another.example")) as url:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await greeted(http, url)
        await http.close()


def test_the_context_trusts_and_verifies_as_pythons_default() -> None:
    ours, default = ResumingContext("host"), ssl.create_default_context()
    for setting in ("verify_mode", "check_hostname", "verify_flags", "options", "minimum_version"):
        assert getattr(ours, setting) == getattr(default, setting), setting
    assert ours.get_ca_certs() == default.get_ca_certs()
