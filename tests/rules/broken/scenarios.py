"""What is broken: each is broken when its block begins, for long enough that alerts fire, and repaired at its end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.rules.broken.stack import MINUTE, SHARDS, Stack, minutes

# Every alert on something unreachable fires within 10 minutes.
BROKEN_MINUTES = 12


@contextmanager
def killed_shard(stack: Stack) -> Iterator[None]:
    stack.kill_shard(1)
    minutes(BROKEN_MINUTES)
    yield
    stack.start_shard(1)


@contextmanager
def service_down(stack: Stack) -> Iterator[None]:
    stack.order("restart", seconds=20 * MINUTE)
    minutes(BROKEN_MINUTES)
    yield
    minutes(20 - BROKEN_MINUTES)


@contextmanager
def token_refused(stack: Stack) -> Iterator[None]:
    stack.order("token/revoke")
    stack.order("chargers/all/drop")
    minutes(BROKEN_MINUTES)
    yield
    stack.order("token/restore")


@contextmanager
def wifi_flapping(stack: Stack) -> Iterator[None]:
    for _ in range(20):
        stack.order(f"chargers/{stack.ids[0]}/offline")
        minutes(0.5)
        stack.order(f"chargers/{stack.ids[0]}/online")
        minutes(0.5)
    yield


@contextmanager
def wifi_down(stack: Stack) -> Iterator[None]:
    stack.order("chargers/all/offline", seconds=86_400)
    minutes(BROKEN_MINUTES)
    yield
    stack.order("chargers/all/online")


@contextmanager
def broken_from_the_start(_: Stack) -> Iterator[None]:
    minutes(BROKEN_MINUTES)
    yield


@dataclass(frozen=True)
class Scenario:
    """An outage, and the fleet that it is played with."""

    outage: Callable[[Stack], AbstractContextManager[None]]
    chargers: int = 8
    shards: int = SHARDS
    # In the configuration, and unknown to the service.
    unknown: tuple[str, ...] = ()


SCENARIOS = {
    "shard killed": Scenario(killed_shard),
    "service down": Scenario(service_down),
    "token refused": Scenario(token_refused),
    "wifi flapping": Scenario(wifi_flapping),
    "exporter never up": Scenario(broken_from_the_start, shards=1),
    "charger id mistyped": Scenario(broken_from_the_start, unknown=("smi-0001",)),
    "a thousand chargers offline": Scenario(wifi_down, chargers=1000),
}
