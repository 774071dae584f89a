"""`check --online` connects every charger as the exporter does, and prints the results and remedies."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.cli import check
from exporter.cli.check import REFUSED_ID, REFUSED_TOKEN, Finding, advice, connect_all, table
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.errors import ConnectError, ConnectFailure
from exporter.simulator import Simulator, SimulatorOptions
from tests.certificates import Authority
from tests.node.service import NodeService
from tests.processes import wait_until
from tests.stream.conftest import watch
from tests.stream.watch import FOREIGN, NATIVE, Watch

__all__ = ["watch"]

REFUSED = ConnectError(ConnectFailure.REJECTED, "check token and charger id")
SLOW = ConnectError(ConnectFailure.TIMEOUT, "no answer")
WORKS: Mapping[str, ConnectError | None] = {"websocket": None, "polling": None}
REFUSED_TWICE: Mapping[str, ConnectError | None] = {"websocket": REFUSED, "polling": REFUSED}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorOptions(chargers=2)) as running:
        yield running


def config(url: str, *chargers: str, token: str = "a-token") -> Config:
    account = AccountConfig(
        name="delhi",
        url=url,
        token=TokenSource(literal=token),
        chargers=tuple(ChargerConfig(id=charger) for charger in chargers),
        connect_timeout_seconds=30.0,
    )
    return Config(accounts=(account,))


async def outcomes(config: Config) -> list[dict[str, str]]:
    """The result of each charger by transport."""
    return [
        {transport: "connected" if error is None else error.reason.value for transport, error in one.outcomes.items()}
        for one in await connect_all(config, io.StringIO())
    ]


def finding(charger: str, outcomes: Mapping[str, ConnectError | None], expiry: float | None = None) -> Finding:
    return Finding(charger_id=charger, account="delhi", outcomes=outcomes, token_expiry_unix=expiry)


async def test_each_charger_connects_once_over_each_transport_and_disconnects(
    node_service: Callable[..., NodeService],
) -> None:
    node = node_service(NATIVE)
    assert await outcomes(config(node.url, "a", "b")) == [{"websocket": "connected", "polling": "connected"}] * 2
    wait_until(lambda: not node.open_connections("a") + node.open_connections("b"), "an end of all connections")
    assert [one.transport for one in node.connections("a")] == ["websocket", "polling"]


async def test_a_refused_charger_beside_an_accepted_one_is_the_fault_of_its_id(simulator: Simulator) -> None:
    known = simulator.charger_ids[0]
    findings = await connect_all(config(simulator.url, known, "nobody", token=simulator.token), io.StringIO())
    assert [finding.connects for finding in findings] == [True, False]
    assert list(advice(findings)) == [f"delhi: nobody: {REFUSED_ID}"]


async def test_if_every_charger_is_refused_the_token_is_the_fault(simulator: Simulator) -> None:
    findings = await connect_all(config(simulator.url, *simulator.charger_ids, token="wrong"), io.StringIO())
    assert list(advice(findings)) == [f"delhi: {', '.join(simulator.charger_ids)}: {REFUSED_TOKEN}"]


async def test_a_charger_with_another_client_is_occupied(simulator: Simulator, watch: Callable[..., Watch]) -> None:
    charger = simulator.charger_ids[0]
    holder = watch(simulator.url, charger=charger, token=TokenSource(literal=simulator.token))
    await holder.until_connected()
    assert await outcomes(config(simulator.url, charger, token=simulator.token)) == [
        {"websocket": "occupied", "polling": "occupied"}
    ]


async def test_a_connection_that_the_service_closes_without_an_event_is_a_failure(
    node_service: Callable[..., NodeService],
) -> None:
    node = node_service(NATIVE)
    node.rules(close=True)
    assert await outcomes(config(node.url, "a")) == [{"websocket": "unreachable", "polling": "unreachable"}]


async def test_a_failing_transport_beside_a_working_one_is_reported(node_service: Callable[..., NodeService]) -> None:
    node = node_service(NATIVE)
    node.rules(websocket_status=403)
    findings = await connect_all(config(node.url, "a"), io.StringIO())
    assert findings[0].connects
    [line] = advice(findings)
    assert line.startswith("delhi: a: websocket fails: the server answers 403 to the handshake")


async def test_a_server_of_the_other_generation_is_reported(node_service: Callable[..., NodeService]) -> None:
    node = node_service(FOREIGN)
    (account,) = config(node.url, "a").accounts
    assert await outcomes(Config(accounts=(replace(account, transports=("polling",)),))) == [{"polling": "protocol"}]


async def test_certificates_are_verified_as_the_account_configures(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("service")
    options = SimulatorOptions(chargers=1, tls_cert=certificate, tls_key=key)
    async with Simulator(options) as simulator:
        (account,) = config(simulator.url, *simulator.charger_ids, token=simulator.token).accounts
        trusting = (
            account,
            replace(account, ca_file=tmp_path / "authority.pem"),
            replace(account, insecure_skip_verify=True),
        )
        found = [(await outcomes(Config(accounts=(one,))))[0]["websocket"] for one in trusting]
    assert found == ["tls", "connected", "connected"]


async def test_an_account_whose_token_cannot_be_read_does_not_connect(simulator: Simulator, tmp_path: Path) -> None:
    (account,) = config(simulator.url, *simulator.charger_ids).accounts
    unreadable = replace(account, token=TokenSource(file=tmp_path / "nothing"))
    assert await connect_all(Config(accounts=(unreadable,)), io.StringIO()) == []


async def test_a_limited_number_of_chargers_connects_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    connecting = most = 0

    async def attempt(*_: object) -> None:
        nonlocal connecting, most
        connecting += 1
        most = max(most, connecting)
        await asyncio.sleep(0)
        connecting -= 1

    monkeypatch.setattr(check, "_attempt", attempt)
    findings = await connect_all(config("http://127.0.0.1:1", *(f"c{i}" for i in range(50))), io.StringIO())
    assert (len(findings), most) == (50, check.CONCURRENCY)


async def test_on_a_terminal_a_progress_bar_goes_to_standard_error() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    await connect_all(config("http://127.0.0.1:1", "a"), terminal)
    assert "Chargers" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_the_table_has_a_column_for_each_transport_that_was_tried() -> None:
    findings = [finding("a", {"polling": None}, 86_400.0), finding("veChargePoint0125896", {"polling": SLOW})]
    assert list(table(findings, 0.0)) == [
        "CHARGER               ACCOUNT  POLLING    TOKEN EXPIRES",
        "a                     delhi    connected  1970-01-02 (1 day left)",
        "veChargePoint0125896  delhi    timeout    -",
    ]


@pytest.mark.parametrize(
    ("findings", "lines"),
    [
        ([finding("a", WORKS)], []),
        ([finding("a", REFUSED_TWICE)], ["delhi: a: check token and charger id"]),
        ([finding("a", REFUSED_TWICE), finding("b", WORKS)], [f"delhi: a: {REFUSED_ID}"]),
        ([finding("a", REFUSED_TWICE), finding("b", REFUSED_TWICE)], [f"delhi: a, b: {REFUSED_TOKEN}"]),
        (
            [finding("a", REFUSED_TWICE), finding("b", {"websocket": SLOW, "polling": SLOW})],
            ["delhi: a: check token and charger id", "delhi: b: no answer"],
        ),
        (
            [finding("a", {"websocket": SLOW, "polling": REFUSED})],
            ["delhi: a: websocket fails: no answer", "delhi: a: polling fails: check token and charger id"],
        ),
        (
            [finding(f"c{i}", REFUSED_TWICE) for i in range(7)],
            [f"delhi: c0, c1, c2, c3, c4 and 2 more: {REFUSED_TOKEN}"],
        ),
    ],
    ids=[
        "works",
        "one refused",
        "one of two refused",
        "all refused",
        "one refused and one unknown",
        "each transport fails",
        "many",
    ],
)
def test_each_problem_has_a_line_with_its_chargers_and_a_remedy(findings: list[Finding], lines: list[str]) -> None:
    assert list(advice(findings)) == lines
