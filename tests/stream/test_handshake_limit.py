"""Handshakes are limited in rate and in number at the same time."""

import asyncio

from exporter.stream.handshake_limit import HandshakeLimit


async def test_handshakes_begin_at_most_at_the_configured_rate() -> None:
    loop = asyncio.get_running_loop()
    limit = HandshakeLimit(at_once=100, per_second=20.0)
    began: list[float] = []

    async def shake() -> None:
        async with limit:
            began.append(loop.time())

    await asyncio.gather(*(shake() for _ in range(6)))
    assert max(began) - min(began) >= 5 / 20.0 - 0.01


async def test_the_number_of_handshakes_at_once_is_limited() -> None:
    limit = HandshakeLimit(at_once=2, per_second=1e6)
    running = most = 0

    async def shake() -> None:
        nonlocal running, most
        async with limit:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1

    await asyncio.gather(*(shake() for _ in range(6)))
    assert most == 2
