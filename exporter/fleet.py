"""The fleet: the chargers of this process and their streams.

`reconcile` applies a configuration and changes only what differs from the previous one.
"""

import asyncio
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.charger.account import Account
from exporter.charger.changes import Changes
from exporter.charger.charger import Charger, KeptState, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import Event
from exporter.charger.notice import Notice
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, Config
from exporter.logs import Log, Thinned
from exporter.metrics.page import Page
from exporter.stream.handshake_limit import HandshakeLimit
from exporter.stream.open_files import OpenFiles
from exporter.stream.recorder import Recorder
from exporter.stream.services import Services, without_chargers
from exporter.stream.supervisor import ChargerStream

MAX_HANDSHAKES: Final = 64
# A large fleet begins handshakes for at most a tenth of its chargers per second, to not overload a restarted service.
MIN_HANDSHAKES_PER_SECOND: Final = 50.0
FLEET_PER_SECOND: Final = 0.1
STOP_SECONDS: Final = 3.5


@dataclass(slots=True)
class _Watched:
    charger: Charger
    account: AccountConfig
    stream: ChargerStream
    task: asyncio.Task[None]


class _Inbox:
    """Applies the events of one stream to its charger, and logs the notices."""

    __slots__ = ("_charger", "_clock", "_log", "_thinned")

    def __init__(self, charger: Charger, clock: Callable[[], Moment], log: Log) -> None:
        self._charger = charger
        self._clock = clock
        self._log = log
        self._thinned = Thinned()

    def deliver(self, event: Event) -> None:
        now = self._clock()
        try:
            for notice in self._charger.apply(event, now):
                self._write(notice, now)
        except Exception:
            # A bug in the exporter must not end a stream, but must be logged.
            charger_id = self._charger.charger_id
            self._log.error("internal error while applying an event", charger_id=charger_id, exc_info=True)

    def _write(self, notice: Notice, now: Moment) -> None:
        fields = {"charger_id": self._charger.charger_id, "account": self._charger.account.name, **notice.fields}
        match notice.level:
            case "debug":
                self._log.debug(notice.text, **fields)
            case "info":
                self._log.info(notice.text, **fields)
            case "warning":
                # A flood of invalid payloads must not fill the disk.
                if times := self._thinned.times_if_due((notice.text, *notice.fields.values()), now.monotonic):
                    self._log.warning(notice.text, **fields, times=times)


class Fleet:
    """The chargers that this process watches."""

    def __init__(
        self,
        process: ExporterProcess,
        clock: Callable[[], Moment],
        log: Log,
        rng: random.Random,
        stream: type[ChargerStream] = ChargerStream,
        recorder: Recorder | None = None,
        max_streams: int = sys.maxsize,
        changes: Changes | None = None,
    ) -> None:
        self.process = process
        self._changes = changes or Changes()
        self.page = Page(process, clock, self._changes)
        self._clock = clock
        self._log = log
        self._rng = rng
        self._stream = stream
        self._recorder = recorder
        self._open_files = OpenFiles(process, max_streams)
        self._handshakes = HandshakeLimit(MAX_HANDSHAKES, MIN_HANDSHAKES_PER_SECOND)
        self._services = Services()
        self._accounts: dict[str, Account] = {}
        self._watched: dict[str, _Watched] = {}
        # Chargers that were removed from the configuration: their last totals may not be on disk yet.
        self._former: dict[str, Charger] = {}

    @property
    def chargers(self) -> list[Charger]:
        """The chargers, in the order of the configuration."""
        return [watched.charger for watched in self._watched.values()]

    async def reconcile(self, config: Config, kept: Mapping[str, KeptState]) -> None:
        """Watch the chargers of `config`; `kept` is what was on disk when the process started.

        Raise ConfigError, and change nothing, if TLS to a service cannot be prepared.
        """
        rules = Rules(config.stale_after_seconds, config.max_power_watts, config.expose_location)
        wanted = {charger.id: (charger, account) for account in config.accounts for charger in account.chargers}
        shared = {account.name: without_chargers(account) for account in config.accounts}
        changed = {
            charger_id
            for charger_id, watched in self._watched.items()
            if charger_id not in wanted or watched.account != shared[wanted[charger_id][1].name]
        }
        # First, since only this step can fail.
        services = self._services.prepare(shared)
        # Wait for their end: a charger must not be connected twice.
        await _end([self._watched[charger_id].task for charger_id in changed], timeout=None)
        await self._services.replace(services)
        self._accounts = {name: self._accounts.get(name) or Account(name) for name in shared}
        before = self._watched
        self._watched = {}
        self._handshakes.per_second = max(MIN_HANDSHAKES_PER_SECOND, len(wanted) * FLEET_PER_SECOND)
        for charger_id, (charger_config, account_config) in wanted.items():
            account = self._accounts[account_config.name]
            known = before.get(charger_id)
            charger = known.charger if known else self._former.pop(charger_id, None)
            if charger is None:
                charger = self._make_charger(charger_id, charger_config.name, account, rules, kept)
            else:
                charger.set_configuration(charger_config.name, account, rules)
            if known is None or charger_id in changed:
                stream = self._make_stream(charger)
                task = asyncio.create_task(stream.run(), name=f"stream {charger_id}")
                task.add_done_callback(self._stream_has_ended)
            else:
                stream, task = known.stream, known.task
            self._watched[charger_id] = _Watched(charger, shared[account.name], stream, task)
        for charger_id in before.keys() - wanted.keys():
            self._former[charger_id] = before[charger_id].charger
        for account in self._accounts.values():
            account.chargers = sum(watched.charger.account is account for watched in self._watched.values())
        self.page.show(self.chargers, list(self._accounts.values()))

    def token_changed(self, account: str) -> None:
        """Retry at once the streams of an account that were refused with the old token."""
        for watched in self._watched.values():
            if watched.account.name == account:
                watched.stream.token_changed()

    async def stop(self) -> None:
        """End all streams, and disconnect them from the service if it can be reached."""
        await _end([watched.task for watched in self._watched.values()], timeout=STOP_SECONDS)
        await self._services.replace({})

    def _stream_has_ended(self, task: asyncio.Task[None]) -> None:
        """Log a stream that has ended by itself, which only a bug can cause."""
        if not task.cancelled():
            fields = {"task": task.get_name(), "exc_info": task.exception()}
            self._log.error("stream failed: restart the exporter, and please report this", **fields)

    def _make_charger(
        self, charger_id: str, name: str | None, account: Account, rules: Rules, kept: Mapping[str, KeptState]
    ) -> Charger:
        known, now = kept.get(charger_id), self._clock()
        charger = Charger(charger_id, name, account, rules, now.unix, known, changes=self._changes)
        if known is None:
            self._changes.mark(charger, now)
        return charger

    def _make_stream(self, charger: Charger) -> ChargerStream:
        inbox = _Inbox(charger, self._clock, self._log)
        service = self._services[charger.account.name]
        record = self._recorder.charger(charger.charger_id) if self._recorder else None
        return self._stream(
            charger.charger_id,
            service,
            inbox.deliver,
            self._handshakes,
            self._log,
            self._rng,
            record,
            self._open_files,
        )


async def _end(tasks: list[asyncio.Task[None]], timeout: float | None) -> None:  # noqa: ASYNC109 - asyncio.wait's own
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=timeout)
