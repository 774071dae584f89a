"""The number of open streams is limited; the others wait and are counted."""

import resource
from collections.abc import Callable

import pytest

from exporter.charger.process_stats import ExporterProcess
from exporter.stream.open_files import OpenFiles, shortage
from tests.node.service import NodeService
from tests.stream.watch import NATIVE, Watch, until

StartNode = Callable[..., NodeService]
StartWatch = Callable[..., Watch]


async def test_a_stream_without_a_file_connects_after_another_has_ended(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    process = ExporterProcess("0", "0", "0")
    files = OpenFiles(process, 2)
    streams = [watch(node.url, charger=name, open_files=files) for name in "abc"]
    await streams[0].until_connected()
    await streams[1].until_connected()
    assert process.streams_waiting_for_files == 1
    assert not node.handshakes("c")
    await streams[0].stop()
    await streams[2].until_connected()
    assert process.streams_waiting_for_files == 0


async def test_a_stream_that_waits_to_retry_gives_its_file_to_another(
    node_service: StartNode, watch: StartWatch
) -> None:
    node = node_service(NATIVE)
    files = OpenFiles(ExporterProcess("0", "0", "0"), 1)
    one = watch(node.url, charger="one", open_files=files)
    await one.until_connected()
    two = watch(node.url, charger="two", open_files=files)
    node.disconnect("one")
    await two.until_connected()


async def test_a_stream_that_ends_while_it_waits_is_not_counted(node_service: StartNode, watch: StartWatch) -> None:
    node = node_service(NATIVE)
    process = ExporterProcess("0", "0", "0")
    files = OpenFiles(process, 1)
    await watch(node.url, charger="one", open_files=files).until_connected()
    waiting = watch(node.url, charger="two", open_files=files)
    await until(lambda: process.streams_waiting_for_files == 1, "a stream that waits")
    await waiting.stop()
    assert process.streams_waiting_for_files == 0


@pytest.mark.parametrize(
    ("chargers", "words"), [(10, None), (11, "room for 10 of 11 streams"), (12, "raise it to 412")]
)
def test_a_fleet_larger_than_the_limit_is_reported_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, chargers: int, words: str | None
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 410))
    problem = shortage(chargers)
    assert problem is None if words is None else words in str(problem)
