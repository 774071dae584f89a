"""A rotated token: the next attempt uses it, and a stream that was refused for the old one does not wait for that."""

import asyncio
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.charger import clock
from exporter.charger.process_stats import ExporterProcess
from exporter.config.file_mark import mark_of
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.reload import Reloads
from exporter.config.tokens import TokenSource
from exporter.logs import create_log
from tests.node.service import NodeService
from tests.stream.conftest import watch
from tests.stream.watch import CHARGER, NATIVE, Watch, until

__all__ = ["watch"]


class Sluggish(random.Random):
    """Draws a wait that outlasts every test: who tries again was woken."""

    def uniform(self, a: float, b: float) -> float:
        return a + b + 3600.0


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("the-old-one")
    return file


async def test_a_refused_stream_tries_again_at_once_when_its_token_has_changed(
    node_service: Callable[..., NodeService], watch: Callable[..., Watch], token: Path
) -> None:
    node = node_service(NATIVE)
    node.rules(token="the-new-one")
    stream = watch(node.url, token=TokenSource(file=token), rng=Sluggish())
    await stream.until_failed()
    token.write_text("the-new-one")
    stream.stream.token_changed()
    await stream.until_connected()
    assert node.connections(CHARGER)[-1].token == "Bearer the-new-one"


async def test_a_stream_whose_token_file_was_missing_tries_again_at_once_when_it_is_there(
    node_service: Callable[..., NodeService], watch: Callable[..., Watch], token: Path
) -> None:
    token.unlink()
    stream = watch(node_service(NATIVE).url, token=TokenSource(file=token), rng=Sluggish())
    await stream.until_failed()
    token.write_text("a-token")
    stream.stream.token_changed()
    await stream.until_connected()


async def test_a_stream_that_failed_for_another_reason_keeps_to_its_backoff(watch: Callable[..., Watch]) -> None:
    stream = watch("http://127.0.0.1:9", rng=Sluggish())
    await stream.until_failed()
    stream.stream.token_changed()
    for _ in range(100):  # turns of the loop in which a woken stream would have begun
        await asyncio.sleep(0)
    assert len(stream.failures) == 1


class TokenWatch:
    """Two accounts with a token file each, and whose change has been told."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.files = {name: folder / name for name in ("one", "two")}
        for file in self.files.values():
            file.write_text("a-token")
        accounts = tuple(
            AccountConfig(name=name, token=TokenSource(file=file), chargers=(ChargerConfig(id=name),))
            for name, file in self.files.items()
        )
        config = Config(accounts=accounts, token_marks={file: mark_of(file) for file in self.files.values()})
        log = create_log("info", "logfmt", io.StringIO())
        self._reloads = Reloads(
            config, lambda: config, self._apply, self.told.append, ExporterProcess("0", "0", "0"), clock.now, log
        )

    async def until_told(self) -> None:
        watching = asyncio.create_task(self._reloads.watch_tokens(look_seconds=0.01))
        await until(lambda: self.told, "the change of a token")
        watching.cancel()

    async def _apply(self, _config: Config) -> None:
        raise AssertionError("a token is no reason to reload")


async def test_a_change_of_a_token_file_is_told_for_its_account_alone(tmp_path: Path) -> None:
    watch = TokenWatch(tmp_path)
    telling = asyncio.create_task(watch.until_told())
    await asyncio.sleep(0.1)
    assert watch.told == []
    watch.files["two"].write_text("another-token")
    await telling
    assert set(watch.told) == {"two"}


async def test_a_change_before_the_first_look_is_not_missed(tmp_path: Path) -> None:
    watch = TokenWatch(tmp_path)
    watch.files["two"].write_text("another-token")
    await watch.until_told()
    assert set(watch.told) == {"two"}


async def test_a_token_whose_permissions_are_repaired_is_a_change(tmp_path: Path) -> None:
    watch = TokenWatch(tmp_path)
    watch.files["two"].chmod(0o400)
    await watch.until_told()
    assert set(watch.told) == {"two"}


async def test_a_token_that_is_gone_is_told_once_it_is_back(tmp_path: Path) -> None:
    watch = TokenWatch(tmp_path)
    telling = asyncio.create_task(watch.until_told())
    watch.files["two"].rename(tmp_path / "away")
    await asyncio.sleep(0.1)
    assert watch.told == []
    (tmp_path / "away").rename(watch.files["two"])
    await telling
    assert set(watch.told) == {"two"}
