"""The end of the whole exporter."""

import asyncio
import io
from contextlib import closing
from pathlib import Path

import pytest

from exporter.app import Exporter, Options, open_store
from exporter.config.load import Config
from exporter.logs import create_log
from exporter.state.committer import Commits
from exporter.stream.recorder import Recorder
from exporter.stream.recording_file import RecordingFile
from exporter.web.listening import ListenAddress
from exporter.web.server import WebOptions
from tests.processes import SECONDS


async def test_the_last_commit_and_the_last_lines_of_a_recording_do_not_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may wait for its disk as long as it is allowed to; together they must not take longer than 5 s."""
    both = asyncio.Barrier(2)
    for each in (Commits, Recorder):

        async def close(*_: object) -> None:
            await asyncio.wait_for(both.wait(), SECONDS)

        monkeypatch.setattr(each, "close", close)
    log = create_log("info", "logfmt", io.StringIO())
    record = RecordingFile(tmp_path / "recording.jsonl", 10**6)
    options = Options(WebOptions((ListenAddress("127.0.0.1", 0),)), tmp_path, record=record)
    config = Config(accounts=())
    with closing(open_store(options, log)) as store:
        async with Exporter(config, lambda: config, options, store, log):
            pass
