"""A recording does not delay the streams: a full or hanging disk loses lines, and is logged once."""

import asyncio
import errno
import io
import threading
from functools import partial
from pathlib import Path

import pytest

from exporter.charger.clock import Moment
from exporter.charger.events import Connected, Disconnected, Disconnection, Event
from exporter.charger.recording import read_events
from exporter.logs import create_log
from exporter.stream import recorder as module
from exporter.stream.recorder import Recorder
from exporter.stream.recording_file import RecordingFile
from tests.stream.watch import until


class Disk(RecordingFile):
    """A file on a disk that can be full, or hang until it is released."""

    is_full = False

    def __init__(self, path: Path) -> None:
        super().__init__(path, 10**9)
        self.works = threading.Event()
        self.works.set()
        self.appending = 0

    def has_been_asked_since(self, attempts: int) -> bool:
        return self.appending > attempts

    def append(self, lines: list[bytes]) -> None:
        self.appending += 1
        self.works.wait()
        if self.is_full:
            raise OSError(errno.ENOSPC, "full")
        super().append(lines)


class Scene:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.disk = Disk(path)
        self.output = io.StringIO()
        self.now = Moment(1_764_324_000.0, 1000.0)
        self.recorder = Recorder(self.disk, lambda: self.now, create_log("info", "logfmt", self.output))

    def events(self) -> list[str]:
        return [event.event for event in read_events(self.path.read_bytes().splitlines(keepends=True))]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    return Scene(tmp_path / "recording.jsonl")


async def test_starts_connections_and_events_are_recorded_in_order(scene: Scene) -> None:
    delivered: list[Event] = []
    charger = scene.recorder.charger("c1")
    deliver = charger.connections(delivered.append)
    deliver(Connected())
    charger.received("newLog", ({"energy": 1.5, "userId": "alice"},))
    deliver(Disconnected(Disconnection.SERVER))
    assert scene.recorder.charger("c1") is charger, "a charger that is added again has not restarted"
    await scene.recorder.close()
    assert scene.events() == ["restart", "connect", "newLog", "disconnect"]
    assert b"alice" not in scene.path.read_bytes()
    assert delivered == [Connected(), Disconnected(Disconnection.SERVER)]


async def test_a_full_disk_is_logged_once_and_recording_continues_afterwards(scene: Scene) -> None:
    scene.disk.is_full = True
    running = asyncio.create_task(scene.recorder.run())
    charger = scene.recorder.charger("c1")
    for _ in range(3):
        before = scene.disk.appending
        charger.received("chargerDisconnected", ())
        await until(partial(scene.disk.has_been_asked_since, before), "an attempt to write")
    await until(lambda: "recording failed" in scene.output.getvalue(), "a line in the log")
    scene.disk.is_full = False
    charger.received("statusChanged", ({"status": "ON"},))
    await until(lambda: "recording continues" in scene.output.getvalue(), "the end of the failure")
    running.cancel()
    assert scene.events()[-1] == "statusChanged"
    assert scene.output.getvalue().count("recording failed") <= 2, "the 1st and the 2nd of them, not the 3rd"


async def test_a_disk_that_hangs_delays_neither_the_streams_nor_the_stop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING_BYTES", 1000)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.01)
    scene.disk.works.clear()
    running = asyncio.create_task(scene.recorder.run())
    charger = scene.recorder.charger("c1")
    await until(lambda: scene.disk.appending, "an attempt to write")
    for _ in range(1000):
        charger.received("chargerDisconnected", ())
    running.cancel()
    await scene.recorder.close()
    scene.disk.works.set()
    await until(lambda: scene.path.exists() and scene.path.read_bytes(), "the lines of before")
    assert len(scene.path.read_bytes()) < 2000, "what waits for the disk is bounded"
