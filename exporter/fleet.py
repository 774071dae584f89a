"""The fleet: the chargers of this process and their streams.

`reconcile` makes them what a configuration says, and touches only what has changed.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import aiohttp

from exporter.charger.account import Account
from exporter.charger.charger import OCCUPIED_ADVICE, Charger, KeptState, Notice, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import StreamEvent
from exporter.charger.process_stats import ExporterProcess
from exporter.config.files import unreadable
from exporter.config.load import AccountConfig, Config
from exporter.config.tokens import TokenReader
from exporter.errors import ConfigError
from exporter.logs import Log
from exporter.metrics.render import Exposition
from exporter.stream.handshake_limit import Pace
from exporter.stream.proxy import proxy_for
from exporter.stream.supervisor import ChargerStream, Service

MAX_HANDSHAKES: Final = 64
# Of a large fleet a tenth may begin its handshakes in a second: a service that comes back is not overrun.
MIN_HANDSHAKES_PER_SECOND: Final = 50.0
FLEET_PER_SECOND: Final = 0.1
# Chargers whose lines are rendered before the streams have their turn again: 8 ms, at the first scrape 40.
RENDERED_AT_ONCE: Final = 1000
STOP_SECONDS: Final = 3.5

_NOTICES: Final[dict[Notice, tuple[str, str]]] = {
    Notice.SWITCHED_ON: ("info", "charger switched on"),
    Notice.SWITCHED_OFF: ("info", "charger switched off"),
    Notice.DROPPED: ("warning", "charger dropped off the service: check its Wi-Fi and power"),
    Notice.OCCUPIED: ("warning", OCCUPIED_ADVICE),
    Notice.SERVICE_ERROR: ("warning", "the service reports an error for this charger"),
    Notice.NOT_UNDERSTOOD: ("warning", "payload not understood, wholly or in part"),
    Notice.OTHER_CHARGER: ("warning", "payload of another charger ignored"),
    Notice.READING_REJECTED: ("debug", "reading rejected"),
}


@dataclass(slots=True)
class _Watched:
    charger: Charger
    account: AccountConfig
    stream: ChargerStream
    task: asyncio.Task[None]


class Fleet:
    """The chargers that this process watches."""

    def __init__(
        self,
        process: ExporterProcess,
        clock: Callable[[], Moment],
        log: Log,
        rng: random.Random,
        stream: type[ChargerStream] = ChargerStream,
    ) -> None:
        self.process = process
        self._stream = stream
        self.dirty: set[Charger] = set()
        self._clock = clock
        self._log = log
        self._rng = rng
        self._handshakes = Pace(MAX_HANDSHAKES, MIN_HANDSHAKES_PER_SECOND)
        self._accounts: dict[str, Account] = {}
        self._services: dict[str, tuple[AccountConfig, Service]] = {}
        self._watched: dict[str, _Watched] = {}
        # Those that left the configuration: the disk may not have the last of their totals yet.
        self._former: dict[str, Charger] = {}
        self._exposition = Exposition([])
        self._told: dict[tuple[str, Notice], int] = {}

    @property
    def chargers(self) -> list[Charger]:
        """The chargers, in the order of the configuration."""
        return [watched.charger for watched in self._watched.values()]

    async def reconcile(self, config: Config, kept: Mapping[str, KeptState]) -> None:
        """Watches what `config` says; `kept` is what was on disk when the process began.

        Raises ConfigError if TLS to a service cannot be prepared, and then nothing has changed.
        """
        rules = Rules(config.stale_after_seconds, config.max_power_watts, config.expose_location)
        wanted = {charger.id: (charger, account) for account in config.accounts for charger in account.chargers}
        shared = {account.name: _without_chargers(account) for account in config.accounts}
        changed = {
            charger_id
            for charger_id, watched in self._watched.items()
            if charger_id not in wanted or watched.account != shared[wanted[charger_id][1].name]
        }
        # Before anything ends: only this can fail.
        services = self._services_for(shared)
        # To the end: a charger must never be connected twice.
        await _end([self._watched[charger_id].task for charger_id in changed], timeout=None)
        await self._replace_services(services)
        self._accounts = {name: self._accounts.get(name) or Account(name) for name in shared}
        before = self._watched
        self._watched = {}
        self._handshakes.per_second = max(MIN_HANDSHAKES_PER_SECOND, len(wanted) * FLEET_PER_SECOND)
        for charger_id, (charger_config, account_config) in wanted.items():
            account = self._accounts[account_config.name]
            known = before.get(charger_id)
            charger = known.charger if known else self._former.pop(charger_id, None)
            if charger is None:
                charger = Charger(
                    charger_id, charger_config.name, account, rules, self._clock().unix, kept.get(charger_id)
                )
                if charger_id not in kept:
                    self.dirty.add(charger)
            else:
                charger.set_configuration(charger_config.name, account, rules)
            if known is None or charger_id in changed:
                stream = self._make_stream(charger, self._services[account.name][1])
                task = asyncio.create_task(stream.run(), name=f"stream {charger_id}")
            else:
                stream, task = known.stream, known.task
            self._watched[charger_id] = _Watched(charger, shared[account.name], stream, task)
        for charger_id in before.keys() - wanted.keys():
            self._former[charger_id] = before[charger_id].charger
        for account in self._accounts.values():
            account.chargers = sum(watched.charger.account is account for watched in self._watched.values())
        self._exposition = Exposition(self.chargers)

    def token_changed(self, account: str) -> None:
        """The token of an account has changed: streams that were refused for the old one try again at once."""
        for watched in self._watched.values():
            if watched.account.name == account:
                watched.stream.token_changed()

    async def stop(self) -> None:
        """Ends all streams, and says goodbye to the service as far as it listens."""
        await _end([watched.task for watched in self._watched.values()], timeout=STOP_SECONDS)
        await self._replace_services({})

    def committed(self, chargers: Iterable[tuple[Charger, KeptState]]) -> None:
        """These states are on disk: from now on they may be shown."""
        for charger, state in chargers:
            charger.committed = state.meter
            self._exposition.touch(charger)

    async def pieces(self, *, openmetrics: bool) -> list[bytes]:
        """The page as of now, without what prometheus-client knows of the process; the loop is never held long."""
        is_rendered = False
        while True:
            # A reload in between brings another exposition, and other accounts.
            exposition, accounts = self._exposition, list(self._accounts.values())
            now = self._clock()
            was_rendered, is_rendered = is_rendered, not exposition.refresh(now, RENDERED_AT_ONCE)
            # Joining the lines has a turn of its own, with the little that has changed since the last slice.
            if was_rendered and is_rendered:
                return list(exposition.pieces(accounts, self.process, now, openmetrics=openmetrics))
            await asyncio.sleep(0)

    def _services_for(self, accounts: Mapping[str, AccountConfig]) -> dict[str, tuple[AccountConfig, Service]]:
        """Of each account the service that there is, or a new one where the account has changed."""
        services = {}
        for name, account in accounts.items():
            known = self._services.get(name)
            services[name] = known if known and known[0] == account else (account, _service(account))
        return services

    async def _replace_services(self, services: dict[str, tuple[AccountConfig, Service]]) -> None:
        before, self._services = self._services, services
        for name, (_, service) in before.items():
            if name not in services or services[name][1] is not service:
                await service.connector.close()

    def _make_stream(self, charger: Charger, service: Service) -> ChargerStream:
        def deliver(event: StreamEvent) -> None:
            try:
                notice = charger.apply(event, self._clock())
                self.dirty.add(charger)
                self._exposition.touch(charger)
                if notice is not None:
                    self._tell(charger, notice)
            except Exception:
                # A fault of ours must not end a stream, and what it broke must be seen.
                self._log.error("internal error while taking an event in", charger_id=charger.charger_id, exc_info=True)

        return self._stream(charger.charger_id, service, deliver, self._handshakes, self._log, self._rng)

    def _tell(self, charger: Charger, notice: Notice) -> None:
        """A line at the first of a kind and at every doubling: a flood of nonsense fills no disk."""
        level, text = _NOTICES[notice]
        count = 1
        if level == "warning":
            count = self._told[charger.charger_id, notice] = self._told.get((charger.charger_id, notice), 0) + 1
        if count.bit_count() == 1:
            fields = {} if level != "warning" else {"times": count}
            getattr(self._log, level)(text, charger_id=charger.charger_id, account=charger.account.name, **fields)


async def _end(tasks: list[asyncio.Task[None]], timeout: float | None) -> None:  # noqa: ASYNC109 - asyncio.wait's own
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=timeout)


def _without_chargers(account: AccountConfig) -> AccountConfig:
    return replace(account, chargers=())


def _service(account: AccountConfig) -> Service:
    try:
        context = ssl.create_default_context()
        if account.ca_file is not None:
            context.load_verify_locations(account.ca_file)
    except OSError as error:
        what = "the system's certificates" if account.ca_file is None else account.ca_file
        raise ConfigError(f"account {account.name}: {what} {unreadable(error)}") from error
    if account.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Service(
        account.name,
        account.url,
        TokenReader(account.token),
        account.transports,
        account.connect_timeout_seconds,
        # No limit: each stream holds one connection, for as long as it lives.
        aiohttp.TCPConnector(ssl=context, limit=0),
        proxy_for(account.url),
    )
