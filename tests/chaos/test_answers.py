"""Wrong answers to a handshake."""

import asyncio
from typing import Any

import pytest

from tests.chaos import answers
from tests.chaos.faults import connect_failure, holds
from tests.chaos.proxy import Answer, Proxy
from tests.chaos.scene import Scene

MEGABYTE = 1_000_000


async def answered(scene: Scene, answer: Answer) -> None:
    """For a while the service's address gives this answer to a charger that was connected before."""
    async with scene.with_fault():
        scene.proxy.answer = answer
        scene.proxy.cut()
        await scene.noticed()
        scene.proxy.answer = None


@holds(
    connect_failure("The handshake is answered with 401", "rejected", "answers 401 to the handshake: check the token")
)
async def test_401_is_a_refusal(scene: Scene) -> None:
    await answered(scene, answers.http(401))


@holds(connect_failure("With 403", "rejected", "answers 403 to the handshake: check the token"))
async def test_403_is_a_refusal(scene: Scene) -> None:
    await answered(scene, answers.http(403))


@holds(
    connect_failure(
        "With 403 by a firewall or proxy in front of the service",
        "other",
        "a firewall or proxy in front of the service answers 403",
    )
)
async def test_403_of_a_firewall_does_not_blame_the_token(scene: Scene) -> None:
    page = b"<html>Attention Required!</html>"
    await answered(scene, answers.http(403, page, {"Content-Type": "text/html", "Server": "cloudflare"}))


@holds(connect_failure("With 404", "other", "answers 404 to the handshake: there is no Socket.IO at this address"))
async def test_404_is_a_wrong_address(scene: Scene) -> None:
    await answered(scene, answers.http(404))


@holds(
    connect_failure("With 429 and `Retry-After`, which all streams of the account follow", "other", "too many requests")
)
async def test_429_delays_the_next_attempt_as_requested(scene: Scene) -> None:
    async with scene.with_fault():
        scene.proxy.answer = answers.http(429, headers={"Retry-After": "1"})
        scene.proxy.cut()
        await scene.noticed()
        accepted, since = scene.proxy.accepted, asyncio.get_running_loop().time()
        # Only the websocket was tried: with this answer polling would not work either.
        await scene.until_counted(scene.fault.metric, 2)
        assert asyncio.get_running_loop().time() - since > 0.9
        assert scene.proxy.accepted == accepted + 1
        scene.proxy.answer = None


@holds(connect_failure("With 500", "other", "answers 500 to the handshake"))
async def test_500_is_a_failure_of_the_service(scene: Scene) -> None:
    await answered(
        scene, answers.http(500, b'{"error": "Internal Server Error"}', {"Content-Type": "application/json"})
    )


@holds(connect_failure("With 502", "unreachable", "the service behind its proxy is down"))
async def test_502_is_a_service_that_is_down(scene: Scene) -> None:
    await answered(scene, answers.http(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}))


@holds(connect_failure("With a web page", "protocol", "the answer is not valid Socket.IO"))
async def test_html_is_not_decoded(scene: Scene) -> None:
    await answered(scene, answers.http(200, b"<!doctype html><p>Please log in", {"Content-Type": "text/html"}))


@holds(connect_failure("With an empty answer", "protocol", "the answer is not valid Socket.IO"))
async def test_an_empty_answer_is_not_decoded(scene: Scene) -> None:
    await answered(scene, answers.http(200))


@holds(connect_failure("With bytes that are not HTTP", "protocol", "the answer is not valid Socket.IO"))
async def test_bytes_that_are_not_http_are_not_decoded(scene: Scene) -> None:
    await answered(scene, answers.raw(b"\x00\x01 garbage \xff\r\n\r\n" * 100))


@holds(connect_failure("With a redirect, which is not followed, to keep the token secret", "other", "a redirect"))
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_redirect_is_never_followed(scene: Scene, transport: Any) -> None:
    scene.transports = (transport,)
    async with Proxy(scene.service.port) as elsewhere:
        await answered(scene, answers.http(302, headers={"Location": f"{elsewhere.url}/socket.io/?token=stolen"}))
        assert elsewhere.accepted == 0


@holds(connect_failure("With 10 MB", "protocol", "the answer is not valid Socket.IO"))
async def test_ten_megabytes_are_not_decoded(scene: Scene) -> None:
    await answered(scene, answers.http(200, b"0:" * (5 * MEGABYTE)))


@holds(connect_failure("With an endless answer", "protocol", "the answer is not valid Socket.IO"))
async def test_an_endless_answer_is_not_read_to_its_end(scene: Scene) -> None:
    scene.transports = ("polling",)
    await answered(scene, answers.endless)


@pytest.mark.parametrize(
    "framing", [b"-9:0{}", b"\x00" + b"\x01" * MEGABYTE, b"\x00\x05", b"999999999:0{}", b"0:" * MEGABYTE]
)
@holds(
    connect_failure("With a polling payload that has invalid lengths", "protocol", "the answer is not valid Socket.IO")
)
async def test_invalid_lengths_are_not_decoded(scene: Scene, framing: bytes) -> None:
    scene.transports = ("polling",)
    await answered(scene, answers.http(200, framing))


@pytest.mark.parametrize(
    "times",
    [
        '"pingInterval":0,"pingTimeout":0',
        '"pingInterval":-5,"pingTimeout":9e99',
        "",
    ],
)
@holds(connect_failure("With a ping interval of 0, or none", "protocol", "the answer is not valid Socket.IO"))
async def test_invalid_ping_times_are_not_decoded(scene: Scene, times: str) -> None:
    scene.transports = ("polling",)
    packet = f'0{{"sid":"x","upgrades":[],{times}}}'
    async with scene.with_fault(from_the_start=True):
        scene.proxy.answer = answers.http(200, f"{len(packet)}:{packet}2:40".encode())
        await scene.start()
        await scene.noticed()
        scene.proxy.answer = None


@holds(
    connect_failure("The name of the server is not in DNS", "unreachable", "the name of the server cannot be resolved")
)
async def test_a_name_that_dns_loses_and_finds_again(scene: Scene, names: set[str]) -> None:
    scene.host = f"service-{scene.proxy.port}.example"
    names.discard(scene.host)
    async with scene.with_fault(from_the_start=True):
        await scene.start()
        await scene.noticed()
        names.add(scene.host)
