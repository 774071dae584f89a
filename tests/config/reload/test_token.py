"""The next attempt uses a renewed token. A stream whose old token was refused retries at once."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config.tokens import TokenSource
from tests.node.service import NodeService
from tests.stream.conftest import watch
from tests.stream.watch import CHARGER, NATIVE, Watch

__all__ = ["watch"]


class Sluggish(random.Random):
    """Draws a wait longer than any test, so that only a stream that was woken retries."""

    def uniform(self, a: float, b: float) -> float:
        return a + b + 3600.0


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("the-old-one")
    return file


async def test_a_refused_stream_retries_at_once_when_its_token_has_changed(
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


async def test_a_stream_without_a_token_file_retries_at_once_when_the_file_appears(
    node_service: Callable[..., NodeService], watch: Callable[..., Watch], token: Path
) -> None:
    token.unlink()
    stream = watch(node_service(NATIVE).url, token=TokenSource(file=token), rng=Sluggish())
    await stream.until_failed()
    token.write_text("a-token")
    stream.stream.token_changed()
    await stream.until_connected()


async def test_a_stream_that_failed_for_another_reason_keeps_its_backoff(watch: Callable[..., Watch]) -> None:
    stream = watch("http://127.0.0.1:9", rng=Sluggish())
    await stream.until_failed()
    stream.stream.token_changed()
    for _ in range(100):  # turns of the loop in which a woken stream would have started
        await asyncio.sleep(0)
    assert len(stream.failures) == 1
