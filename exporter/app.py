"""The composition root: start the exporter, run it until a signal, stop it."""

import asyncio
import platform
import random
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from exporter import __version__
from exporter.charger import clock
from exporter.charger.changes import Changes
from exporter.charger.energy import JOULES_PER_KWH
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import Config
from exporter.config.reload import Reloads, log_unmatched_patterns
from exporter.config.sharding import Shard
from exporter.errors import ConfigError, cause_of
from exporter.fleet import Fleet
from exporter.gc_tuning import keep_present_objects
from exporter.logs import Log, adopt_foreign_logs, where
from exporter.state.committer import Commits
from exporter.state.store import StateStore
from exporter.stream.open_files import max_streams, raise_limit, shortage
from exporter.stream.recorder import Recorder
from exporter.stream.recording_file import RecordingFile
from exporter.stream.socketio_client import prepare_library
from exporter.stream.tls import event_loop_factory, return_large_buffers
from exporter.web.scrape import Scrape
from exporter.web.server import Web, WebOptions
from exporter.web.sessions_api import SessionsDocument

# Time limit of the final commit. Together with the end of the streams before it, the process ends within 5 s.
LAST_COMMIT_SECONDS: Final = 1.0
# Signals that come within this time are one reload: a script may send SIGHUP for each file that it writes.
SIGNALS_TOGETHER_SECONDS: Final = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line."""

    web: WebOptions
    storage_path: Path
    shard: Shard = field(default_factory=Shard)
    record: RecordingFile | None = None
    # How long sessions are kept; 0 keeps all.
    sessions_retention_days: int = 0


class Exporter:
    """The whole exporter in one event loop. Use it with `async with`, which also closes `store`.

    `load` reads the configuration for a reload.
    """

    def __init__(
        self, config: Config, load: Callable[[], Config], options: Options, store: StateStore, log: Log
    ) -> None:
        self._config = config
        self._options = options
        self._log = log
        self.url = ""
        process = ExporterProcess(
            version=__version__,
            python_version=platform.python_version(),
            socketio_version=version("python-socketio"),
            reload_success_unix=clock.now().unix,
            damaged_state_files=store.damaged_files,
            shard=options.shard.index,
            total_shards=options.shard.total,
        )
        self._kept = store.load()
        self._log_state(store)
        # Jitter needs no secrecy.
        rng = random.Random()  # noqa: S311
        self._recorder = Recorder(options.record, clock.now, log) if options.record else None
        raise_limit()
        self._commits = Commits(store, process, log)
        self.fleet = Fleet(
            process,
            clock.now,
            log,
            rng,
            recorder=self._recorder,
            max_streams=max_streams(),
            changes=Changes(self._commits.add),
        )
        self.reloads = Reloads(config, load, self._apply, self.fleet.token_changed, process, clock.now, log)
        self._tasks: list[asyncio.Task[None]] = []
        scrape = Scrape(self.fleet, self._commits)
        sessions = SessionsDocument(store.file)
        self._web = Web(self.fleet, scrape, sessions, options.web, self.reloads.reload, log)

    async def __aenter__(self) -> "Exporter":
        asyncio.get_running_loop().set_exception_handler(self._unexpected)
        addresses = await self._web.start()
        scheme = "https" if self._web.is_encrypted else "http"
        self.url = f"{scheme}://{addresses[0].reachable}"
        await self.reloads.log_expired_tokens()
        await self._apply(self._config)
        # These objects live as long as the process. Exclude them from garbage collections, which block the event loop.
        keep_present_objects()
        self._tasks = [
            asyncio.create_task(self._commits.run(), name="commits"),
            asyncio.create_task(self.reloads.watch(), name="watch files"),
        ]
        if self._recorder:
            self._tasks.append(asyncio.create_task(self._recorder.run(), name="recording"))
        for task in self._tasks:
            task.add_done_callback(self._has_ended)
        log_unmatched_patterns(self._config, self._log)
        self._web.pages.is_ready = True
        for address in addresses:
            url = f"{scheme}://{address.reachable}/"
            self._log.info("listening", address=str(address), url=url, chargers=len(self.fleet.chargers))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._web.pages.is_ready = False
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(self.fleet.stop(), self._web.stop())
        finally:
            closing = [self._commits.close(LAST_COMMIT_SECONDS)]
            if self._recorder:
                closing.append(self._recorder.close())
            await asyncio.gather(*closing)
        self._log.info("stopped")

    def _log_state(self, store: StateStore) -> None:
        file = str(store.file.absolute())
        if store.is_new:
            self._log.info(f"new state file in {store.file.absolute().parent}", file=file)
            return
        kwh = sum(kept.meter.total_joules or 0 for kept in self._kept.values()) / JOULES_PER_KWH
        chargers = "1 charger" if len(self._kept) == 1 else f"{len(self._kept)} chargers"
        self._log.info(f"state file opened: {chargers}, {kwh:.1f} kWh", file=file)

    async def _apply(self, config: Config) -> None:
        """Watch this shard's part of a configuration."""
        own = self._options.shard.of(config)
        if problem := shortage(sum(len(account.chargers) for account in own.accounts)):
            self._log.error(problem)
        await self.fleet.reconcile(own, self._kept)

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        """Log the end of a background task: none of them ends by itself."""
        if not task.cancelled():
            self._log.error(
                "background task failed: restart the exporter", task=task.get_name(), exc_info=task.exception()
            )

    def _unexpected(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # The message is one of asyncio's fixed texts. The rest of the context may hold secrets.
        fields = {"what": str(context.get("message", "")).partition("\n")[0]}
        if isinstance(error, BaseException):
            fields |= {"error": cause_of(error), "at": where(error)}
        self._log.error("unexpected error in the event loop", **fields)


def stop_signal() -> "asyncio.Future[signal.Signals]":
    """Return a future for SIGINT or SIGTERM. From now on neither ends the process by itself."""
    loop = asyncio.get_running_loop()
    received: asyncio.Future[signal.Signals] = loop.create_future()

    def receive(number: signal.Signals) -> None:
        if not received.done():
            received.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, receive, number)
    return received


def run_loop(main: Callable[[], Coroutine[Any, Any, T]], log: Log) -> T:
    """Run the coroutine that `main` returns, on uvloop if it is installed, and return its result."""
    adopt_foreign_logs(log)
    prepare_library()
    return_large_buffers()
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        return runner.run(main())


def open_store(options: Options, log: Log) -> StateStore:
    """Open the state file and log an error if a damaged one was set aside; raise StateError."""
    store = StateStore.open(options.storage_path, options.sessions_retention_days)
    if store.set_aside:
        kept, lost = "totals are kept, sessions are not", "totals start anew: restore them with 'state set'"
        log.error(
            f"state file damaged and set aside; {kept if store.set_aside.has_kept_totals else lost}",
            set_aside=str(store.set_aside.file),
            error=store.set_aside.reason,
        )
    return store


async def run_exporter(config: Config, load: Callable[[], Config], options: Options, log: Log) -> None:
    """Run the exporter until SIGINT or SIGTERM; reload the configuration on SIGHUP."""
    # First, so that a signal during the start takes effect after the start.
    hang_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up.set)
    stopped = stop_signal()
    log.info("starting vecharge-exporter", version=__version__)
    async with Exporter(config, load, options, open_store(options, log), log) as exporter:
        reloading = asyncio.create_task(reload_whenever(hang_up, exporter.reloads), name="reload")
        number = await stopped
        log.info("stopping", signal=number.name)
        reloading.cancel()


async def reload_whenever(hang_up: asyncio.Event, reloads: Reloads) -> None:
    """Reload once for all signals that come together, and once more for those that come during a reload."""
    while True:
        await hang_up.wait()
        await asyncio.sleep(SIGNALS_TOGETHER_SECONDS)
        hang_up.clear()
        with suppress(ConfigError):  # logged, and the previous configuration stays
            await reloads.reload()
