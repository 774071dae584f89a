"""A connection that lasted resets the backoff and the record of failures."""

import random
import re
from collections.abc import Callable

import pytest

from exporter.stream import supervisor
from tests.node.service import NodeService
from tests.stream.watch import CHARGER, NATIVE, Watch, until

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]


class Bounds(random.Random):
    """Records the upper bound of every wait, and returns a very short one."""

    def __init__(self) -> None:
        super().__init__()
        self.bounds: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append(b)
        return a + 0.02


async def fail_and_connect(node: NodeService, stream: Watch, bounds: Bounds) -> int:
    """Let the stream fail at least three times and then connect; return the number of waits."""
    await stream.until_connected()
    node.rules(handshake_status=502)
    node.disconnect(CHARGER, close=True)
    await stream.until_failed(times=3)
    node.rules(handshake_status=None)
    await stream.until_connected(times=2)
    return len(bounds.bounds)


async def test_after_a_long_connection_the_backoff_starts_again(
    node_service: StartNode, watch: StartWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STABLE_SECONDS", 0.0)
    node = node_service(NATIVE)
    bounds = Bounds()
    stream = watch(node.url, rng=bounds)
    waits = await fail_and_connect(node, stream, bounds)
    assert bounds.bounds[waits - 1] > 2
    node.disconnect(CHARGER, close=True)
    await stream.until_connected(times=3)
    assert bounds.bounds[waits] == supervisor.MIN_BACKOFF_SECONDS


async def test_after_a_short_connection_the_backoff_keeps_doubling(
    node_service: StartNode, watch: StartWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STABLE_SECONDS", 3600.0)
    node = node_service(NATIVE)
    bounds = Bounds()
    stream = watch(node.url, rng=bounds)
    waits = await fail_and_connect(node, stream, bounds)
    node.disconnect(CHARGER, close=True)
    await stream.until_connected(times=3)
    assert bounds.bounds[waits] == 2 * bounds.bounds[waits - 1]


async def test_a_connected_charger_is_not_counted_as_failing(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    node.rules(handshake_status=502)
    first = watch(node.url)
    second = watch(node.url, charger="another", service=first.service)
    await first.until_failed()
    await second.until_failed()
    node.rules(handshake_status=None)
    await first.until_connected()
    await second.until_connected()
    node.rules(handshake_status=502)
    node.disconnect(CHARGER, close=True)
    await until(lambda: first.log.getvalue().count("attempts=1 ") == 2, first.log_text)
    assert re.findall(r"attempts=1 chargers_failing=(\d+) ", first.log.getvalue())[-1] == "1"
