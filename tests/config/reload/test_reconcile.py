"""The fleet follows a configuration, or stays unchanged."""

import asyncio
import io
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.charger import clock
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.errors import ConfigError
from exporter.fleet import Fleet
from exporter.logs import create_log
from exporter.stream.supervisor import ChargerStream
from tests.metrics.text import text_of

BEGUN: list[str] = []
ENDED: list[str] = []


class StillStream(ChargerStream):
    """A stream without a connection that records its start and end."""

    def __init__(self, charger_id: str, *others: Any) -> None:
        super().__init__(charger_id, *others)
        self.charger_id = charger_id

    async def run(self) -> None:
        BEGUN.append(self.charger_id)
        try:
            await asyncio.Event().wait()
        finally:
            ENDED.append(self.charger_id)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    BEGUN.clear()
    ENDED.clear()
    log = create_log("info", "logfmt", io.StringIO())
    fleet = Fleet(ExporterProcess("0", "0", "0"), clock.now, log, random.Random(), StillStream)
    yield fleet
    await fleet.stop()


def account(name: str, *chargers: str) -> AccountConfig:
    return AccountConfig(
        name=name, token=TokenSource(literal="a-token"), chargers=tuple(ChargerConfig(id=id_) for id_ in chargers)
    )


async def page(fleet: Fleet) -> bytes:
    return await text_of(fleet.page)


async def test_a_configuration_with_a_missing_authority_changes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    one, two = account("one", "a"), account("two", "b")
    await fleet.reconcile(Config(accounts=(one, two)), {})
    before = fleet.chargers
    await asyncio.sleep(0)
    with pytest.raises(ConfigError) as refused:
        await fleet.reconcile(
            Config(
                accounts=(
                    replace(one, connect_timeout_seconds=7),
                    replace(two, ca_file=tmp_path / "gone"),
                    account("three", "c"),
                )
            ),
            {},
        )
    assert str(refused.value) == (
        f"account two: {tmp_path}/gone cannot be read (FileNotFoundError: No such file or directory): "
        "create it, or correct the path"
    )
    assert (BEGUN, ENDED) == (["a", "b"], [])
    assert fleet.chargers == before
    shown = await page(fleet)
    assert b'account="two"' in shown
    assert b"three" not in shown


async def test_a_reload_at_the_limit_of_open_files_changes_nothing(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet.reconcile(Config(accounts=(account("one", "a"),)), {})
    await asyncio.sleep(0)

    def refuse(_context: ssl.SSLContext) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_default_certs", refuse)
        with pytest.raises(ConfigError, match="raise the limit of open files"):
            await fleet.reconcile(Config(accounts=(account("two", "a", "b"),)), {})
    assert (BEGUN, ENDED) == (["a"], [])
    await fleet.reconcile(Config(accounts=(account("two", "a", "b"),)), {})
    await asyncio.sleep(0)
    assert (BEGUN, ENDED) == (["a", "a", "b"], ["a"])


async def test_an_unchanged_account_keeps_its_connections(fleet: Fleet) -> None:
    one, two = account("one", "a"), account("two", "b")
    await fleet.reconcile(Config(accounts=(one, two)), {})
    await asyncio.sleep(0)
    await fleet.reconcile(Config(accounts=(one, replace(two, connect_timeout_seconds=7))), {})
    await asyncio.sleep(0)
    assert (BEGUN, ENDED) == (["a", "b", "b"], ["b"])
