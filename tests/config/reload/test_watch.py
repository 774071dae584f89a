"""A configuration is reloaded when one of its files changes, and a failed reload is retried."""

import asyncio
import base64
import io
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from exporter.charger import clock
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import Config, load
from exporter.config.reload import Reloads
from exporter.config.watch import Marks
from exporter.errors import ConfigError
from exporter.logs import create_log
from tests.processes import SECONDS
from tests.stream.watch import until

LOOK = 0.02
REFUSED = "reload failed"


class Scene:
    """A configuration on disk. `applied` has the charger ids of each configuration that was applied."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.yml"
        self.token = folder / "token"
        self.token.write_text("a-token")
        self.file.write_text(
            "accounts: [{name: x, token_file: token, chargers: [a], charger_files: ['chargers/*.json']}]"
        )
        self.chargers = folder / "chargers"
        self.chargers.mkdir()
        self.put("b")
        self.process = ExporterProcess("0", "0", "0")
        self.attempts = 0
        self.applied: list[list[str]] = []
        # The errors of the next attempts.
        self.load_error: BaseException | None = None
        self.apply_error: BaseException | None = None
        self.on_apply: Callable[[Config], Awaitable[None]] | None = None
        # The accounts whose token has changed.
        self.woken: list[str] = []
        self._log = io.StringIO()
        log = create_log("info", "logfmt", self._log)
        self.reloads = Reloads(
            load(self.file), self._load, self._apply, self.woken.append, self.process, clock.now, log
        )

    def put(self, *ids: str, file: str = "x.json") -> None:
        """Writes a charger file atomically."""
        new = self.chargers.parent / "new"
        new.write_text("[{}]".format(", ".join(f'"{id_}"' for id_ in ids)))
        new.rename(self.chargers / file)

    def logged(self, what: str) -> list[str]:
        return [line for line in self._log.getvalue().splitlines() if what in line]

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watches during the block; fails if the watcher ended by itself."""
        task = asyncio.create_task(self.reloads.watch(LOOK))
        yield
        assert not task.done(), task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def until_applied(self, *ids: str) -> None:
        await until(lambda: list(ids) in self.applied, lambda: f"{ids}: {self._log.getvalue()[-1000:]}")

    async def until_refused(self) -> None:
        await until(lambda: not self.process.reload_successful, "a failed reload")

    def _load(self) -> Config:
        self.attempts += 1
        if self.load_error:
            raise self.load_error
        return load(self.file)

    async def _apply(self, config: Config) -> None:
        if self.apply_error:
            raise self.apply_error
        if self.on_apply:
            await self.on_apply(config)
        self.applied.append([charger.id for account in config.accounts for charger in account.chargers])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_a_change_between_the_start_and_the_first_check_is_not_missed(scene: Scene) -> None:
    scene.put("b", "c")
    async with scene.watched():
        await scene.until_applied("a", "b", "c")


@pytest.mark.parametrize("error", [PermissionError(13, "x"), RuntimeError("a fault of ours"), MemoryError()])
async def test_a_failed_reload_changes_nothing_is_logged_once_and_retried(scene: Scene, error: BaseException) -> None:
    scene.load_error = error
    async with scene.watched():
        scene.put("b", "c")
        await scene.until_refused()
        with pytest.raises(ConfigError):
            await scene.reloads.reload()
        assert scene.applied == []
        attempts = scene.attempts
        await until(lambda: scene.attempts >= attempts + 3, "more attempts")
        scene.load_error = None  # nothing on disk has changed
        await scene.until_applied("a", "b", "c")
    assert scene.process.reload_successful
    assert len(scene.logged(REFUSED)) == 2, "once for all retries, and once for the reload that was asked for"


async def test_a_configuration_that_cannot_be_applied_is_retried(scene: Scene) -> None:
    scene.apply_error = ConfigError("account x: no")
    async with scene.watched():
        scene.put("b", "c")
        await scene.until_refused()
        scene.apply_error = None
        await scene.until_applied("a", "b", "c")
    [line] = scene.logged("configuration reloaded")
    assert line.endswith("chargers=3 added=1 removed=0 changed=0"), "compared with what was in force all the time"


async def test_a_token_file_that_a_reload_adds_during_a_check_is_watched(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking, reloaded = threading.Event(), threading.Event()
    current_marks = Config.current_marks

    def slow(config: Config) -> Marks:
        marks = current_marks(config)
        if not reloaded.is_set():
            checking.set()
            reloaded.wait(SECONDS)
        return marks

    monkeypatch.setattr(Config, "current_marks", slow)
    async with scene.watched():
        await until(checking.is_set, "a check")
        added = tmp_path / "another"
        added.write_text("a-token")
        text = scene.file.read_text()
        scene.file.write_text(text.replace("]}]", "]}, {name: y, token_file: another, chargers: [c]}]"))
        await scene.reloads.reload()
        reloaded.set()
        added.write_text("another-token")
        await until(lambda: "y" in scene.woken, "a new token")


async def test_only_a_successful_reload_sets_the_time_of_the_last_success(scene: Scene) -> None:
    scene.process.reload_success_unix = 0.0
    scene.load_error = ConfigError("no")
    with pytest.raises(ConfigError):
        await scene.reloads.reload()
    assert scene.process.reload_success_unix == 0.0
    scene.load_error = None
    await scene.reloads.reload()
    assert scene.process.reload_success_unix > 0.0


async def test_one_reload_runs_at_a_time(scene: Scene) -> None:
    applying = most = 0

    async def apply(_config: Config) -> None:
        nonlocal applying, most
        applying += 1
        most = max(most, applying)
        for _ in range(100):  # turns of the loop in which another reload could begin
            await asyncio.sleep(0.001)
        applying -= 1

    scene.on_apply = apply
    await asyncio.gather(*(scene.reloads.reload() for _ in range(3)))
    assert (len(scene.applied), most) == (3, 1)


async def test_a_reload_that_fails_with_another_error_is_logged_again(scene: Scene) -> None:
    async with scene.watched():
        scene.load_error = ConfigError("one")
        scene.put("b", "c")
        await until(lambda: scene.logged("error=one"), "the first failure")
        scene.load_error = ConfigError("two")
        await until(lambda: scene.logged("error=two"), "the second failure")


async def test_a_pattern_that_no_longer_matches_any_file_removes_no_charger(scene: Scene) -> None:
    async with scene.watched():
        scene.chargers.rename(scene.chargers.with_name("unmounted"))
        await scene.until_refused()
        [line] = scene.logged(REFUSED)
        assert f"charger_files: {scene.chargers}/*.json no longer matches any file: is a volume not mounted?" in line
        scene.chargers.with_name("unmounted").rename(scene.chargers)
        await until(lambda: scene.process.reload_successful, "the volume is back")
    assert scene.applied == [["a", "b"]]


async def test_an_empty_list_or_a_removed_file_removes_chargers(scene: Scene) -> None:
    scene.put("c", file="y.json")
    await scene.reloads.reload()
    (scene.chargers / "x.json").unlink()
    await scene.reloads.reload()
    scene.put(file="y.json")
    await scene.reloads.reload()
    assert scene.applied == [["a", "b", "c"], ["a", "c"], ["a"]]


async def test_a_pattern_may_be_removed(scene: Scene) -> None:
    scene.file.write_text("accounts: [{name: x, token_env: X, chargers: [a]}]")
    (scene.chargers / "x.json").unlink()
    await scene.reloads.reload()
    assert scene.applied == [["a"]]


async def test_the_log_has_the_numbers_of_added_removed_and_changed_chargers(scene: Scene) -> None:
    scene.put("b", "c", "d")
    await scene.reloads.reload()
    new = scene.chargers / "x.json"
    new.write_text('["b", {"id": "c", "name": "Named"}, "e", "f"]')
    await scene.reloads.reload()
    first, second = scene.logged("configuration reloaded")
    assert first.endswith("accounts=1 chargers=4 added=2 removed=0 changed=0")
    assert second.endswith("accounts=1 chargers=5 added=2 removed=1 changed=1")


async def test_a_new_pattern_that_matches_no_file_is_logged_once(scene: Scene) -> None:
    text = scene.file.read_text()
    scene.file.write_text(text.replace("['chargers/*.json']", "['chargers/*.json', 'more/*.json']"))
    await scene.reloads.reload()
    await scene.reloads.reload()
    [line] = scene.logged("no file matches charger_files")
    assert f"pattern={scene.file.parent}/more/*.json" in line


async def test_a_changed_token_file_wakes_its_account_without_a_reload(scene: Scene) -> None:
    async with scene.watched():
        scene.token.write_text("another-token")
        await until(lambda: scene.woken, "the account")
        scene.put("b", "c")
        await scene.until_applied("a", "b", "c")
    assert scene.woken == ["x"]
    assert scene.attempts == 1


async def test_an_expired_token_is_logged_with_account_and_date_only(scene: Scene) -> None:
    await scene.reloads.log_expired_tokens()
    assert not scene.logged("expired")
    claims = base64.urlsafe_b64encode(b'{"exp": 1700000000}').decode().rstrip("=")
    scene.token.write_text(f"e30.{claims}.signature")
    await scene.reloads.log_expired_tokens()
    await scene.reloads.reload()
    first, second = scene.logged("the token has expired: replace it")
    assert f'account=x source="token file {scene.token}" expired="2023-11-14 (' in first
    assert first.split("msg=")[1] == second.split("msg=")[1]
    assert claims not in first


async def test_a_token_file_that_reappears_wakes_its_account(scene: Scene) -> None:
    async with scene.watched():
        scene.token.rename(scene.token.with_name("away"))
        scene.put("b", "c")
        await scene.until_applied("a", "b", "c")
        assert scene.woken == []
        scene.token.with_name("away").rename(scene.token)
        await until(lambda: scene.woken, "the account")


async def test_a_failing_reload_does_not_delay_a_renewed_token(scene: Scene) -> None:
    scene.load_error = ConfigError("no")
    async with scene.watched():
        scene.put("b", "c")
        await scene.until_refused()
        scene.token.write_text("another-token")
        await until(lambda: scene.woken, "the account")
        attempts = scene.attempts
        await until(lambda: scene.attempts >= attempts + 3, "more attempts")
    assert scene.woken == ["x"]


async def test_a_pipe_in_the_folder_fails_the_reload_without_blocking(scene: Scene) -> None:
    async with scene.watched():
        os.mkfifo(scene.chargers / "y.json")
        await scene.until_refused()
        (scene.chargers / "y.json").unlink()
        await until(lambda: scene.process.reload_successful, "a reload without the pipe")
