"""The composition root: starts the exporter, runs it until a signal, stops it."""

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
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.wire import JOULES_PER_KWH
from exporter.config.load import Config
from exporter.config.reload import Reloads, log_unmatched_patterns
from exporter.config.sharding import Shard
from exporter.errors import ConfigError, cause_of
from exporter.fleet import Fleet
from exporter.gc_tuning import collect_seldom, keep_what_there_is
from exporter.logs import Log, adopt_foreign_logs, where
from exporter.state.committer import Commits
from exporter.state.store import StateStore
from exporter.stream.open_files import max_streams, raise_limit, shortage
from exporter.stream.recorder import Recorder
from exporter.stream.recording_file import RecordingFile
from exporter.stream.socketio_client import prepare_library
from exporter.stream.tls import return_large_buffers
from exporter.web.scrape import Scrape
from exporter.web.server import Web, WebOptions
from exporter.web.sessions_api import SessionsDocument

# For the last commit: with the goodbyes to the service before it, the process ends within 5 s.
LAST_COMMIT_SECONDS: Final = 1.0
# A script that sends SIGHUP for each file that it has written means one reload.
SIGNALS_TOGETHER_SECONDS: Final = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    web: WebOptions
    storage_path: Path
    shard: Shard = field(default_factory=Shard)
    record: RecordingFile | None = None
    # How long sessions are kept; 0 keeps all.
    sessions_retention_days: int = 0


class Exporter:
    """The whole exporter in one event loop; use it with `async with`, which closes `store` too.

    `load` reads the configuration again, for a reload.
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
        self.fleet = Fleet(process, clock.now, log, rng, recorder=self._recorder, max_streams=max_streams())
        self._commits = Commits(store, self.fleet, log)
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
        # What there is now stays: a full garbage collection, which holds the event loop, need not walk through it.
        keep_what_there_is()
        self._tasks = [
            asyncio.create_task(self._commits.run(), name="commits"),
            asyncio.create_task(self.reloads.watch(), name="watch files"),
        ]
        if self._recorder:
            self._tasks.append(asyncio.create_task(self._recorder.run(), name="recording"))
        for task in self._tasks:
            task.add_done_callback(self._has_ended)
        log_unmatched_patterns(self._config, self._log)
        self._web.is_ready = True
        for address in addresses:
            url = f"{scheme}://{address.reachable}/"
            self._log.info("listening", address=str(address), url=url, chargers=len(self.fleet.chargers))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._web.is_ready = False
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(self.fleet.stop(), self._web.stop())
        finally:
            await self._commits.close(LAST_COMMIT_SECONDS)
            if self._recorder:
                await self._recorder.close()
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
        """Watches this shard's part of a configuration from now on."""
        own = self._options.shard.of(config)
        if problem := shortage(sum(len(account.chargers) for account in own.accounts)):
            self._log.error(problem)
        await self.fleet.reconcile(own, self._kept)

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        """None of them ends by itself: what it did is not done any more."""
        if not task.cancelled():
            self._log.error("a task has ended: restart the exporter", task=task.get_name(), exc_info=task.exception())

    def _unexpected(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # asyncio's own words are fixed ones; the rest of the context may hold anything.
        fields = {"what": str(context.get("message", "")).partition("\n")[0]}
        if isinstance(error, BaseException):
            fields |= {"error": cause_of(error), "at": where(error)}
        self._log.error("unexpected failure in the event loop", **fields)


def listen_for_the_end() -> "asyncio.Future[signal.Signals]":
    """SIGINT or SIGTERM, once one of them comes; from now on neither ends the process by itself."""
    loop = asyncio.get_running_loop()
    received: asyncio.Future[signal.Signals] = loop.create_future()

    def receive(number: signal.Signals) -> None:
        if not received.done():
            received.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, receive, number)
    return received


def run_loop(main: Callable[[], Coroutine[Any, Any, T]], log: Log) -> T:
    """Runs the coroutine that `main` makes on the fastest event loop there is, and returns its result."""
    adopt_foreign_logs(log)
    prepare_library()
    return_large_buffers()
    collect_seldom()
    factory = None
    with suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main())


def open_store(options: Options, log: Log) -> StateStore:
    """The state file, with a loud word if a damaged one was found; raises StateError."""
    store = StateStore.open(options.storage_path, options.sessions_retention_days)
    if store.set_aside:
        log.error(
            "the state file was damaged and has been set aside: the totals start anew; 'state set' can restore them",
            set_aside=str(store.set_aside.file),
            error=store.set_aside.reason,
        )
    return store


async def run_exporter(config: Config, load: Callable[[], Config], options: Options, log: Log) -> None:
    """Runs the exporter until SIGINT or SIGTERM; SIGHUP makes it read its configuration again."""
    # Before anything else: a signal that comes during the start is kept until the start is done.
    hang_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up.set)
    told_to_stop = listen_for_the_end()
    log.info("starting vecharge-exporter", version=__version__)
    async with Exporter(config, load, options, open_store(options, log), log) as exporter:
        reloading = asyncio.create_task(_reload_whenever(hang_up, exporter.reloads), name="reload")
        number = await told_to_stop
        log.info("stopping", signal=number.name)
        reloading.cancel()


async def _reload_whenever(hang_up: asyncio.Event, reloads: Reloads) -> None:
    """Reloads once for all signals that come together, and once more for those that come while it reloads."""
    while True:
        await hang_up.wait()
        await asyncio.sleep(SIGNALS_TOGETHER_SECONDS)
        hang_up.clear()
        with suppress(ConfigError):  # logged, and the previous configuration stays
            await reloads.reload()
