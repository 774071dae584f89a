"""Web: starts, stops, and takes a changed web configuration file over."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.charger.clock import now
from exporter.config.threads import OneThread
from exporter.errors import cause_of
from exporter.fleet import Fleet
from exporter.logs import Log
from exporter.web import config as web_config
from exporter.web.config import WebConfig
from exporter.web.connections import Limits, Listener
from exporter.web.guard import Guard
from exporter.web.listening import ListenAddress, bind
from exporter.web.pages import Pages, Reload
from exporter.web.power_history import PowerHistory
from exporter.web.scrape import Scrape

if TYPE_CHECKING:
    import socket

# A volume whose server is gone is not waited for.
READ_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class WebOptions:
    """What the command line says of the web side."""

    listen: tuple[ListenAddress, ...]
    telemetry_path: str = "/metrics"
    config_file: Path | None = None
    enable_lifecycle: bool = False
    # How often the web configuration file and its certificates are looked at.
    look_seconds: float = 5.0
    limits: Limits = field(default_factory=Limits)


class Web:
    """The pages over one fleet, on all addresses, as the web configuration file says.

    A changed file, or certificate, gets a listener of its own on the same sockets before the former one ends: no
    attempt to connect is lost, what is being answered is finished, and nobody stays in by what was true before.
    """

    def __init__(
        self, fleet: Fleet, scrape: Scrape, power: PowerHistory, options: WebOptions, reload: Reload, log: Log
    ) -> None:
        self._options = options
        self._process = fleet.process
        self._log = log
        self._pages = Pages(fleet, scrape, power, options.telemetry_path, reload if options.enable_lifecycle else None)
        self._sockets: list[socket.socket] = []
        self._config = WebConfig()
        self._files = OneThread("web configuration", READ_SECONDS)
        self._guard = Guard(options.limits.answer_seconds)
        self._listener: Listener | None = None
        self._watching: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def is_ready(self) -> bool:
        """What /-/ready tells."""
        return self._pages.is_ready

    @is_ready.setter
    def is_ready(self, ready: bool) -> None:
        self._pages.is_ready = ready

    @property
    def is_encrypted(self) -> bool:
        """Whether the pages are answered over TLS."""
        return self._config.tls is not None

    async def start(self) -> list[ListenAddress]:
        """Listens; returns the addresses with the ports really taken. Raises ConfigError, ListenError."""
        config = WebConfig() if self._options.config_file is None else web_config.load(self._options.config_file)
        taken = []
        try:
            for address in self._options.listen:
                bound = bind(address)
                self._sockets += bound
                taken.append(ListenAddress(address.host, bound[0].getsockname()[1]))
            await self._serve(config)
        except BaseException:
            await self.stop()
            raise
        if self._options.config_file is not None:
            self._watching = asyncio.create_task(self._watch(self._options.config_file), name="web configuration")
        return taken

    async def stop(self) -> None:
        """Ends what is being answered, within a second."""
        if self._watching is not None:
            self._watching.cancel()
        for leaving in self._leaving:
            leaving.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None
        for bound in self._sockets:
            bound.close()
        self._sockets.clear()

    async def _serve(self, config: WebConfig) -> None:
        listener = Listener(self._pages.site(self._guard), self._guard.headers, self._options.limits, self._log)
        self._guard.obey(config)  # before: nobody comes in who must not
        try:
            await listener.start(self._sockets, config.tls)
        except BaseException:
            self._guard.obey(self._config)
            await listener.stop()
            raise
        former, self._listener, self._config = self._listener, listener, config
        if former is not None:
            leaving = asyncio.create_task(_leave(former), name="former web configuration")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _watch(self, file: Path) -> None:
        """Looks at the files until cancelled. What it finds counts once the next look finds the same: files that are
        being written keep changing. What cannot be used changes nothing, and is said once.
        """
        refused = ""
        seen: object = None
        while True:
            await asyncio.sleep(self._options.look_seconds)
            # A refused configuration may name files that come later: it is tried again at every look.
            found = await self._look(file, even_if_unchanged=bool(refused))
            if found is None:
                seen = None
                continue
            before, seen = seen, found.files if isinstance(found, WebConfig) else found
            if seen != before:
                continue
            problem = await self._take_over(found) if isinstance(found, WebConfig) else found
            if problem and problem != refused:
                self._log.error("web configuration not reloaded: the one before stays in force", error=problem)
            refused = problem
            self._process.web_reload_successful = not refused

    async def _look(self, file: Path, *, even_if_unchanged: bool) -> WebConfig | str | None:
        """What the files ask for now, or why it cannot take the place of what they asked for before."""
        before = self._config

        def reloaded() -> WebConfig | None:
            return web_config.reload(file, before) if even_if_unchanged or before.has_changed() else None

        try:
            return await self._files.run(reloaded)
        except TimeoutError:
            return f"it is not read within {READ_SECONDS:g} s: look at the volumes that it and its files lie on"
        except Exception as error:
            return cause_of(error)  # whatever it is: the next look must come

    async def _take_over(self, config: WebConfig) -> str:
        """Lets a configuration be in force; returns why that cannot be, if it cannot."""
        try:
            await self._serve(config)
        except OSError as error:
            return cause_of(error)
        self._process.reload_success_unix = now().unix
        self._log.info("web configuration reloaded", tls=config.tls is not None, users=len(config.users))
        return ""


async def _leave(listener: Listener) -> None:
    try:
        await listener.leave()
    finally:
        await listener.stop()
