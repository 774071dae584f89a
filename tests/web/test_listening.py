"""The addresses on which the server listens."""

import os
import socket

import aiohttp
import pytest

from exporter.errors import ListenError
from exporter.web.listening import ListenAddress
from tests.web.site import ANY_PORT, Site


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status


@pytest.fixture
def ipv6() -> None:
    """The machine has IPv6 on loopback."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        if os.environ.get("CI"):
            pytest.fail("no IPv6 on this machine")
        pytest.skip("no IPv6 on this machine")


async def test_the_server_listens_on_several_addresses() -> None:
    site = Site(listen=(ANY_PORT, ANY_PORT, ListenAddress("127.0.0.2", 0)))
    async with site:
        first, second, third = site.addresses
        assert first.port != second.port
        for address in (first, second, third):
            assert address.port != 0
            assert await status(f"http://{address}/-/healthy") == 200


@pytest.mark.usefixtures("ipv6")
async def test_the_server_listens_on_an_ipv6_address() -> None:
    async with Site(listen=(ListenAddress("::1", 0),)) as site:
        assert await status(f"http://[::1]:{site.port}/-/healthy") == 200


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as bound:
        return int(bound.getsockname()[1])


@pytest.mark.usefixtures("ipv6")
async def test_without_a_host_the_server_listens_on_both_families(free_port: int) -> None:
    async with Site(listen=(ListenAddress(None, free_port),)):
        for host in ("127.0.0.1", "[::1]"):
            assert await status(f"http://{host}:{free_port}/-/healthy") == 200


async def test_an_address_that_cannot_be_bound_releases_the_others() -> None:
    async with Site() as taken:
        other = Site(listen=(ANY_PORT, ListenAddress("127.0.0.1", taken.port)))
        in_use = rf"^cannot listen on 127\.0\.0\.1:{taken.port} \(OSError: Address already in use\)"
        with pytest.raises(ListenError, match=in_use):
            await other.web.start()
        # The first one is free again, and no socket is left open (a ResourceWarning is an error).
        assert await status(f"http://127.0.0.1:{taken.port}/-/healthy") == 200


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_an_address_of_another_machine_is_reported_in_one_line(host: str) -> None:
    with pytest.raises(ListenError, match=rf"^cannot listen on {host}:0\b.* --web\.listen-address$"):
        await Site(listen=(ListenAddress(host, 0),)).web.start()


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (ListenAddress(None, 10037), ":10037"),
        (ListenAddress("127.0.0.1", 10037), "127.0.0.1:10037"),
        (ListenAddress("::1", 10037), "[::1]:10037"),
    ],
)
def test_an_address_is_printed_as_it_was_given(address: ListenAddress, text: str) -> None:
    assert str(address) == text
