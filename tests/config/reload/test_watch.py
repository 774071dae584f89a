"""What is watched is read again when it changes, whatever happens on the way, and nothing ends the watching."""

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from exporter.charger import clock
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import Config, load
from exporter.config.reload import Reloads
from exporter.errors import ConfigError
from exporter.logs import create_log
from tests.processes import SECONDS
from tests.stream.watch import until

LOOK, STILL = 0.01, 0.02
REFUSED = "configuration not reloaded"


class Scene:
    """A configuration on disk and what its reloads do; `applied` has the ids of each that was put in place."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.yml"
        self.file.write_text("accounts: [{name: x, token_env: X, chargers: [a], charger_files: ['chargers/*.json']}]")
        self.chargers = folder / "chargers"
        self.chargers.mkdir()
        self.put("b")
        self.process = ExporterProcess("0", "0", "0")
        self.attempts = 0
        self.applied: list[list[str]] = []
        # What the next attempts end in, instead of a configuration.
        self.load_error: BaseException | None = None
        self.apply_error: BaseException | None = None
        self.hangs_on: threading.Event | None = None
        self._log = io.StringIO()
        self.reloads = self.make_reloads()

    def make_reloads(self, load_seconds: float = SECONDS) -> Reloads:
        log = create_log("info", "logfmt", self._log)
        return Reloads(
            load(self.file), self._load, self._apply, lambda _: None, self.process, clock.now, log, load_seconds
        )

    def put(self, *ids: str, file: str = "x.json") -> None:
        """Writes a charger file, in one go."""
        new = self.chargers.parent / "new"
        new.write_text("[{}]".format(", ".join(f'"{id_}"' for id_ in ids)))
        new.rename(self.chargers / file)

    def told(self, what: str) -> list[str]:
        return [line for line in self._log.getvalue().splitlines() if what in line]

    @asynccontextmanager
    async def watched(self, still: float = STILL, max_changing: float = SECONDS) -> AsyncIterator[None]:
        """Watches while the block runs; fails if the watching has ended by itself."""
        task = asyncio.create_task(self.reloads.watch(LOOK, still, max_changing))
        yield
        assert not task.done(), task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def until_applied(self, *ids: str) -> None:
        await until(lambda: list(ids) in self.applied, lambda: f"{ids}: {self._log.getvalue()[-1000:]}")

    async def until_refused(self) -> None:
        await until(lambda: not self.process.reload_successful, "a reload that fails")

    def _load(self) -> Config:
        self.attempts += 1
        if self.hangs_on:
            self.hangs_on.wait()
        if self.load_error:
            raise self.load_error
        return load(self.file)

    async def _apply(self, config: Config) -> None:
        if self.apply_error:
            raise self.apply_error
        self.applied.append([charger.id for account in config.accounts for charger in account.chargers])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def gate(scene: Scene) -> Iterator[threading.Event]:
    """While it is closed, every load hangs."""
    scene.hangs_on = threading.Event()
    yield scene.hangs_on
    scene.hangs_on.set()


async def test_a_change_between_the_first_reading_and_the_first_look_is_not_missed(scene: Scene) -> None:
    scene.put("b", "c")
    async with scene.watched():
        await scene.until_applied("a", "b", "c")


@pytest.mark.parametrize("error", [PermissionError(13, "x"), RuntimeError("a fault of ours"), MemoryError()])
async def test_any_failure_to_read_changes_nothing_is_told_once_and_tried_again(
    scene: Scene, error: BaseException
) -> None:
    scene.load_error = error
    async with scene.watched():
        scene.put("b", "c")
        await scene.until_refused()
        with pytest.raises(ConfigError):
            await scene.reloads.reload()
        assert scene.applied == []
        attempts = scene.attempts
        await until(lambda: scene.attempts >= attempts + 3, "more attempts")
        scene.load_error = None  # nothing on disk has changed since
        await scene.until_applied("a", "b", "c")
    assert scene.process.reload_successful
    assert len(scene.told(REFUSED)) == 2, "by itself once, and once for who asked"


async def test_what_cannot_be_put_in_place_is_tried_again(scene: Scene) -> None:
    scene.apply_error = ConfigError("account x: no")
    async with scene.watched():
        scene.put("b", "c")
        await scene.until_refused()
        scene.apply_error = None
        await scene.until_applied("a", "b", "c")


async def test_a_failure_that_is_another_one_is_told_too(scene: Scene) -> None:
    async with scene.watched():
        scene.load_error = ConfigError("one")
        scene.put("b", "c")
        await until(lambda: scene.told("error=one"), "the first failure")
        scene.load_error = ConfigError("two")
        await until(lambda: scene.told("error=two"), "the second failure")


async def test_a_file_that_keeps_changing_is_read_in_the_end(scene: Scene) -> None:
    written = 0

    def write() -> bool:
        nonlocal written
        written += 1
        scene.put("b", f"c{written}")
        return bool(scene.applied)

    async with scene.watched(max_changing=10 * STILL):
        await until(write, "a reading of it")


async def test_a_file_that_is_being_written_is_left_alone(scene: Scene) -> None:
    async with scene.watched(still=0.5):
        for text in ("[", '["b"]', '["b"', '["b", "c"]'):
            (scene.chargers / "x.json").write_text(text)
            await asyncio.sleep(2 * LOOK)
        await scene.until_applied("a", "b", "c")
    assert scene.applied == [["a", "b", "c"]]
    assert not scene.told(REFUSED)


async def test_a_pattern_that_matches_nothing_any_more_drops_no_charger(scene: Scene) -> None:
    async with scene.watched():
        scene.chargers.rename(scene.chargers.with_name("unmounted"))
        await scene.until_refused()
        [line] = scene.told(REFUSED)
        assert f"charger_files: {scene.chargers}/*.json matches no file any more: is a volume not mounted?" in line
        scene.chargers.with_name("unmounted").rename(scene.chargers)
        await until(lambda: scene.process.reload_successful, "the volume is back")
    assert scene.applied == [["a", "b"]]


async def test_chargers_are_let_go_by_an_empty_list_and_by_a_file_among_others(scene: Scene) -> None:
    scene.put("c", file="y.json")
    await scene.reloads.reload()
    (scene.chargers / "x.json").unlink()
    await scene.reloads.reload()
    scene.put(file="y.json")
    await scene.reloads.reload()
    assert scene.applied == [["a", "b", "c"], ["a", "c"], ["a"]]


async def test_a_pattern_may_be_taken_out(scene: Scene) -> None:
    scene.file.write_text("accounts: [{name: x, token_env: X, chargers: [a]}]")
    (scene.chargers / "x.json").unlink()
    await scene.reloads.reload()
    assert scene.applied == [["a"]]


async def test_the_log_says_how_many_chargers_came_went_and_changed(scene: Scene) -> None:
    scene.put("b", "c", "d")
    await scene.reloads.reload()
    new = scene.chargers / "x.json"
    new.write_text('["b", {"id": "c", "name": "Named"}, "e", "f"]')
    await scene.reloads.reload()
    first, second = scene.told("configuration reloaded")
    assert first.endswith("accounts=1 chargers=4 added=2 removed=0 changed=0")
    assert second.endswith("accounts=1 chargers=5 added=2 removed=1 changed=1")


async def test_reading_that_hangs_is_given_up_told_and_tried_again(scene: Scene, gate: threading.Event) -> None:
    scene.reloads = scene.make_reloads(load_seconds=STILL)
    async with scene.watched():
        scene.put("b", "c")
        await scene.until_refused()
        with pytest.raises(ConfigError, match=r"cannot be read within 0\.02 s: look at the volumes"):
            await asyncio.wait_for(scene.reloads.reload(), SECONDS)
        gate.set()
        await scene.until_applied("a", "b", "c")
    assert sum(thread.name == "configuration" for thread in threading.enumerate()) <= 1


async def test_a_pipe_in_the_folder_hangs_nothing(scene: Scene) -> None:
    async with scene.watched():
        os.mkfifo(scene.chargers / "y.json")
        await scene.until_refused()
        (scene.chargers / "y.json").unlink()
        await until(lambda: scene.process.reload_successful, "a reload without the pipe")
