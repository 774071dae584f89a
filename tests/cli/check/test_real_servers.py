"""`check --online` against real Socket.IO servers: Node's of both generations, and the simulator."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from exporter.cli import check
from exporter.cli.check import run_online
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.simulator import Simulator, SimulatorOptions
from tests.node.service import Generation, NodeService
from tests.processes import wait_until


def online(account: AccountConfig) -> tuple[bool, list[list[str]]]:
    out = io.StringIO()
    works = run_online(Config(accounts=(account,)), stdout=out, stderr=io.StringIO())
    rows = out.getvalue().split("\n\n")[0].splitlines()[1:]
    return works, [row.split() for row in rows]


def account(url: str, token: str = "right") -> AccountConfig:
    return AccountConfig(
        name="delhi", url=url, token=TokenSource(literal=token), chargers=(ChargerConfig(id="sim-0001"),)
    )


@pytest.mark.parametrize(("server", "speaks", "ours"), [("2", "3", 3), ("4+3", "3", 3), ("4", "4", 4), ("4+3", "4", 4)])
def test_a_node_server_that_the_client_can_talk_to_works_and_keeps_no_connection(
    node_service: Callable[..., NodeService],
    monkeypatch: pytest.MonkeyPatch,
    server: Generation,
    speaks: str,
    ours: int,
) -> None:
    monkeypatch.setattr(check, "client_generation", lambda: ours)
    node = node_service(server)
    node.rules(token="right")
    assert online(account(node.url)) == (
        True,
        [["sim-0001", "delhi", "yes", "Engine.IO", speaks, "accepted", "-"]],
    )
    assert online(account(node.url, "wrong")) == (
        False,
        [["sim-0001", "delhi", "yes", "Engine.IO", speaks, "refused", "-"]],
    )
    wait_until(lambda: not node.open_connections("sim-0001"), "an end of both connections")
    assert len(node.connections("sim-0001")) == 2


@pytest.mark.parametrize(("server", "speaks", "ours"), [("2", "3", 4), ("4", "4", 3)])
def test_a_node_server_of_the_other_generation_is_told_though_it_does_not_work(
    node_service: Callable[..., NodeService],
    monkeypatch: pytest.MonkeyPatch,
    server: Generation,
    speaks: str,
    ours: int,
) -> None:
    monkeypatch.setattr(check, "client_generation", lambda: ours)
    node = node_service(server)
    works, rows = online(account(node.url))
    assert not works
    assert rows == [["sim-0001", "delhi", "yes", "Engine.IO", speaks, "accepted", "-"]]


async def test_the_simulator_takes_its_token_for_its_chargers_only() -> None:
    async with Simulator(SimulatorOptions(chargers=1)) as simulator:
        right = account(simulator.url, simulator.token)
        works, rows = await asyncio.to_thread(online, right)
        assert works
        assert rows[0][:6] == ["sim-0001", "delhi", "yes", "Engine.IO", "3", "accepted"]
        assert rows[0][7:] == ["(89", "days", "left)"]
        unknown = replace(right, chargers=(ChargerConfig(id="nobody"),))
        assert not (await asyncio.to_thread(online, unknown))[0]
        wrong = replace(right, token=TokenSource(literal="wrong"))
        assert not (await asyncio.to_thread(online, wrong))[0]
