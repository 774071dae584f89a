"""Web: starts and stops the HTTP server, and applies a changed web configuration file."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from exporter.charger.clock import now
from exporter.config.watch import CHECK_SECONDS, watch_files
from exporter.daemon_thread import in_daemon_thread
from exporter.errors import ListenError, cause_of
from exporter.fleet import Fleet
from exporter.logs import Log
from exporter.web import config as web_config
from exporter.web.config import WebConfig
from exporter.web.connections import HttpServer, Limits
from exporter.web.guard import Guard
from exporter.web.listening import ListenAddress
from exporter.web.pages import Pages, Reload
from exporter.web.scrape import Scrape
from exporter.web.sessions_api import SessionsDocument

# How long answers may continue when the program stops.
SHUTDOWN_SECONDS = 1.0
BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class WebOptions:
    """The web options of the command line."""

    listen: tuple[ListenAddress, ...]
    telemetry_path: str = "/metrics"
    config_file: Path | None = None
    enable_lifecycle: bool = False
    # Where Grafana is, for links to it; without a slash at the end.
    grafana_url: str | None = None
    # How often the web configuration file and its certificates are checked for changes.
    check_seconds: float = CHECK_SECONDS
    limits: Limits = field(default_factory=Limits)


class Web:
    """Serves the pages of a fleet on all addresses, protected by the web configuration file."""

    def __init__(
        self,
        fleet: Fleet,
        scrape: Scrape,
        sessions: SessionsDocument,
        options: WebOptions,
        reload: Reload,
        log: Log,
    ) -> None:
        self._options = options
        self._process = fleet.process
        self._log = log
        self.pages = Pages(
            fleet,
            scrape,
            sessions,
            options.telemetry_path,
            reload if options.enable_lifecycle else None,
            options.grafana_url,
        )
        self._guard = Guard(self.pages.answer, options.limits.answer_seconds, fleet.process, log)
        self._http = HttpServer(self._guard.answer, self._guard.refuse, options.limits, log)
        self._servers: list[asyncio.Server] = []
        self._config = WebConfig()
        # Why the file is not applied; empty if it is.
        self._problem = ""
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether the pages are served over TLS."""
        return self._config.tls is not None

    async def start(self) -> list[ListenAddress]:
        """Listen; return the addresses with their real ports. Raise ConfigError or ListenError."""
        file = self._options.config_file
        self._apply(WebConfig() if file is None else web_config.load(file))
        try:
            addresses = [await self._listen(address) for address in self._options.listen]
        except BaseException:
            await self.stop()
            raise
        if file is not None:
            watching = watch_files(
                lambda: None if self._problem else self._config.files,
                lambda: self._config.current_marks(),
                lambda _marks: self._reload(file),
                self._options.check_seconds,
            )
            self._watching = asyncio.create_task(watching, name="web configuration")
        return addresses

    async def stop(self) -> None:
        """Close all connections; answers that are being sent have a second."""
        if self._watching is not None:
            self._watching.cancel()
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._http.pre_shutdown()
        await self._http.shutdown(SHUTDOWN_SECONDS)

    async def _listen(self, address: ListenAddress) -> ListenAddress:
        context = self._config.tls.context if self._config.tls else None
        if context is not None:
            context.sni_callback = self._use_newest_certificate
        limits = self._options.limits
        try:
            server = await asyncio.get_running_loop().create_server(
                self._http,
                address.host,
                address.port,
                ssl=context,
                ssl_handshake_timeout=limits.handshake_seconds if context else None,
                backlog=BACKLOG,
            )
        except OSError as error:
            problem = "the host cannot be resolved" if isinstance(error, socket.gaierror) else cause_of(error)
            raise ListenError(f"cannot listen on {address} ({problem}): choose another --web.listen-address") from error
        self._servers.append(server)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            for one in server.sockets:
                # The kernel ends a connection whose client reads nothing, also after we have closed it.
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.answer_seconds * 1000))
        return ListenAddress(address.host, server.sockets[0].getsockname()[1])

    def _use_newest_certificate(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called for every handshake.

        Loading a renewed certificate into the listening context is not enough: OpenSSL keeps one certificate of each
        key type, so that a new RSA certificate would leave an expired ECDSA one in use.
        """
        assert self._config.tls is not None
        connection.context = self._config.tls.context

    def _apply(self, config: WebConfig) -> None:
        self._config = config
        self._guard.apply(config)

    async def _reload(self, file: Path) -> None:
        """Apply the changed file. If that fails, log the failure once; the watcher retries at every check."""
        try:
            config = await in_daemon_thread(partial(web_config.reload, file, self._config))
        except Exception as error:  # any error: the watcher must continue
            problem = cause_of(error)
            if problem != self._problem:
                self._log.error("web configuration reload failed; keeping the previous one", error=problem)
            self._problem = problem
        else:
            self._problem = ""
            self._apply(config)
            self._process.reload_success_unix = now().unix
            self._log.info("web configuration reloaded", users=len(config.users))
        self._process.web_reload_successful = not self._problem
