"""The web side: /metrics, a landing page, health and readiness."""

import asyncio
import gzip
from dataclasses import dataclass
from typing import Final

import jinja2
from aiohttp import web

from exporter import __version__, negotiation
from exporter.clock import now
from exporter.errors import ListenError, cause_of
from exporter.fleet import Fleet
from exporter.scrape import Scrape
from exporter.wire import Status

GZIP_LEVEL: Final = 4
SHUTDOWN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; the host None is every address of the machine, port 0 any free port."""

    host: str | None
    port: int

    def __str__(self) -> str:
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


class Web:
    """The pages over one fleet."""

    def __init__(self, fleet: Fleet, scrape: Scrape, telemetry_path: str) -> None:
        self.is_ready = False
        self._fleet = fleet
        self._scrape = scrape
        self._telemetry_path = telemetry_path
        environment = jinja2.Environment(loader=jinja2.PackageLoader("exporter"), autoescape=True)
        self._index = environment.get_template("index.html")

        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)

    async def start(self, listen: ListenAddress) -> ListenAddress:
        """Listens; returns the address with the port that was really taken. Raises ListenError."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, listen.host, listen.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ListenError(
                f"cannot listen on {listen} ({cause_of(error)}): choose another --web.listen-address"
            ) from error
        return ListenAddress(listen.host, self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Ends what is being answered, within a second."""
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get(self._telemetry_path, self._metrics)
        if self._telemetry_path != "/":
            application.router.add_get("/", self._landing)
        application.router.add_get("/-/healthy", self._healthy)
        application.router.add_get("/-/ready", self._ready)
        return application

    async def _metrics(self, request: web.Request) -> web.Response:
        content_type = negotiation.content_type(",".join(request.headers.getall("Accept", [])))
        body = await self._scrape.page(openmetrics=content_type == negotiation.OPENMETRICS)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding", "Cache-Control": "no-store"}
        if negotiation.accepts_gzip(",".join(request.headers.getall("Accept-Encoding", []))):
            headers["Content-Encoding"] = "gzip"
            body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL, mtime=0)
        return web.Response(body=body, headers=headers)

    async def _landing(self, _request: web.Request) -> web.Response:
        chargers = self._fleet.chargers
        moment = now()
        html = self._index.render(
            version=__version__,
            telemetry_path=self._telemetry_path,
            chargers=len(chargers),
            connected=sum(charger.connected for charger in chargers),
            up=sum(charger.is_up(moment) for charger in chargers),
            on=sum(charger.status is Status.ON for charger in chargers),
        )
        return web.Response(text=html, content_type="text/html")

    async def _healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="vecharge-exporter is healthy.\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        if not self.is_ready:
            return web.Response(status=503, text="vecharge-exporter is not ready.\n")
        return web.Response(text="vecharge-exporter is ready.\n")
