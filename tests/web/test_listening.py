"""Where the web side listens."""

import os
import socket

import aiohttp
import pytest

from exporter.errors import ListenError
from exporter.web import ListenAddress
from tests.web.site import ANY_PORT, Site


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status


@pytest.fixture
def ipv6() -> None:
    """The machine speaks IPv6 on loopback."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        if os.environ.get("CI"):
            pytest.fail("no IPv6 on this machine")
        pytest.skip("no IPv6 on this machine")


async def test_several_addresses_are_listened_on() -> None:
    site = Site(listen=(ANY_PORT, ANY_PORT, ListenAddress("127.0.0.2", 0)))
    async with site:
        first, second, third = site.addresses
        assert first.port != second.port
        for address in (first, second, third):
            assert address.port != 0
            assert await status(f"http://{address}/-/healthy") == 200


@pytest.mark.usefixtures("ipv6")
async def test_an_ipv6_address_is_listened_on() -> None:
    async with Site(listen=(ListenAddress("::1", 0),)) as site:
        assert await status(f"http://[::1]:{site.port}/-/healthy") == 200


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("host", [None, "localhost"])
async def test_without_a_host_and_on_localhost_both_families_are_listened_on(host: str | None) -> None:
    families = {family for family, *_ in socket.getaddrinfo("localhost", 0)}
    async with Site(listen=(ListenAddress(host, 0),)) as site:
        assert await status(f"http://127.0.0.1:{site.port}/-/healthy") == 200
        if host is None or socket.AF_INET6 in families:
            assert await status(f"http://[::1]:{site.port}/-/healthy") == 200


async def test_one_address_that_cannot_be_had_ends_the_others_too() -> None:
    async with Site() as taken:
        other = Site(listen=(ANY_PORT, ListenAddress("127.0.0.1", taken.port)))
        with pytest.raises(ListenError, match="Address already in use"):
            await other.web.start()
        # The first of them is free again: nothing listens, and nothing is left open (a ResourceWarning is an error).
        assert await status(f"http://127.0.0.1:{taken.port}/-/healthy") == 200


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_an_address_that_is_not_of_this_machine_is_told_in_a_line(host: str) -> None:
    with pytest.raises(ListenError, match=f"^cannot listen on {host}:0 .*choose another --web.listen-address$"):
        await Site(listen=(ListenAddress(host, 0),)).web.start()
