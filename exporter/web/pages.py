"""The pages: the answer at each path."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from http import HTTPStatus
from importlib import resources
from string import Template
from typing import Final

from aiohttp import web

from exporter import __version__
from exporter.charger.clock import now
from exporter.errors import ConfigError, StateError
from exporter.fleet import Fleet
from exporter.web import negotiation
from exporter.web.api import ChargersDocument
from exporter.web.compression import IDENTITY
from exporter.web.connections import Answer, plain
from exporter.web.health import HEALTHY, READY
from exporter.web.scrape import Scrape
from exporter.web.sessions_api import SessionsDocument, SessionsQuery

SENT_AT_ONCE_BYTES: Final = 524_288
_STATIC: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Reload = Callable[[], Awaitable[None]]


class Pages:
    """The pages of a fleet. `reload` is None if POST /-/reload is not enabled; the program sets `is_ready`."""

    def __init__(
        self,
        fleet: Fleet,
        scrape: Scrape,
        sessions: SessionsDocument,
        telemetry_path: str,
        reload: Reload | None,
        grafana_url: str | None,
    ) -> None:
        self.is_ready = False
        self._scrape = scrape
        self._reload_configuration = reload
        self._landing_page = _landing_page(telemetry_path, grafana_url)
        self._chargers_document = ChargersDocument(lambda: fleet.chargers, now)
        self._sessions_document = sessions
        self._pages: dict[str, dict[str, Answer]] = {
            "/": {"GET": self._landing},
            "/api/v1/chargers": {"GET": self._chargers},
            "/api/v1/sessions": {"GET": self._sessions},
            "/-/healthy": {"GET": self._healthy},
            "/-/ready": {"GET": self._ready},
            "/-/reload": {"POST": self._reload},
            **{f"/static/{name}": {"GET": partial(_file, body, kind)} for name, body, kind in _static_files()},
            # Last: at "/" it replaces the landing page.
            telemetry_path: {"GET": self._metrics},
        }

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request that the guard allows."""
        page = self._pages.get(request.path)
        if page is None:
            return plain(HTTPStatus.NOT_FOUND)
        answer = page.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            allowed = "GET,HEAD" if "GET" in page else ",".join(page)
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": allowed})
        return await answer(request)

    async def _metrics(self, request: web.BaseRequest) -> web.Response:
        content_type = negotiation.content_type(",".join(request.headers.getall("Accept", [])))
        encoding = _encoding(request)
        pieces = await self._scrape.page(openmetrics=content_type == negotiation.OPENMETRICS, encoding=encoding)
        return _streamed(pieces, encoding, {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"})

    async def _chargers(self, request: web.BaseRequest) -> web.Response:
        encoding = _encoding(request)
        return _json(await self._chargers_document.body(encoding), encoding)

    async def _sessions(self, request: web.BaseRequest) -> web.Response:
        try:
            query = SessionsQuery.parse(request.query, now().unix)
        except ValueError as error:
            return plain(HTTPStatus.BAD_REQUEST, str(error))
        encoding = _encoding(request)
        try:
            return _json(await self._sessions_document.body(query, encoding), encoding)
        except (StateError, TimeoutError):
            # The reason has paths of files, which clients must not see.
            advice = "the list of sessions cannot be read now: run 'vecharge-exporter sessions' to see why"
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, advice)

    async def _landing(self, _request: web.BaseRequest) -> web.Response:
        return web.Response(text=self._landing_page, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _healthy(self, _request: web.BaseRequest) -> web.Response:
        return plain(HTTPStatus.OK, HEALTHY)

    async def _ready(self, _request: web.BaseRequest) -> web.Response:
        if not self.is_ready:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "vecharge-exporter is not ready.")
        return plain(HTTPStatus.OK, READY)

    async def _reload(self, request: web.BaseRequest) -> web.Response:
        if self._reload_configuration is None:
            return plain(HTTPStatus.FORBIDDEN, "not enabled: start the exporter with --web.enable-lifecycle")
        if not _is_own_origin(request):
            return plain(HTTPStatus.FORBIDDEN, "refused: the request comes from another web site")
        try:
            await self._reload_configuration()
        except ConfigError as error:
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, f"not reloaded: {error}")
        return plain(HTTPStatus.OK, "reloaded")


def _landing_page(telemetry_path: str, grafana_url: str | None) -> str:
    """Return the landing page, without the lines that link to Grafana if its URL is not known."""
    html = resources.files("exporter.web").joinpath("templates", "index.html").read_text("utf-8")
    lines = [line for line in html.splitlines() if grafana_url or "$grafana_url" not in line]
    return Template("\n".join(lines)).substitute(
        version=__version__,
        # Relative, so that the page works behind a proxy that puts a prefix before it.
        telemetry_path=telemetry_path.lstrip("/"),
        grafana_url=escape(grafana_url or ""),
    )


def _is_own_origin(request: web.BaseRequest) -> bool:
    """Return False if another web site makes a browser send the request.

    A browser sends `Origin` with every POST. Other clients, such as curl, do not.
    """
    origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    if origin is None:
        return True
    # A sandboxed frame or a local file has the origin `null`.
    _scheme, separator, place = origin.partition("://")
    return bool(separator) and place.lower() == host.lower()


def _static_files() -> Iterator[tuple[str, bytes, str]]:
    """Yield name, content and content type of each static file."""
    for file in resources.files("exporter.web").joinpath("static").iterdir():
        content_type = _STATIC.get("." + file.name.rpartition(".")[2])
        if content_type:
            yield file.name, file.read_bytes(), content_type


async def _file(body: bytes, content_type: str, request: web.BaseRequest) -> web.Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)


def _json(pieces: Sequence[bytes], encoding: str) -> web.Response:
    return _streamed(pieces, encoding, {"Content-Type": "application/json", "Vary": "Accept-Encoding"})


def _streamed(pieces: Sequence[bytes], encoding: str, headers: Mapping[str, str]) -> web.Response:
    all_headers = {"Cache-Control": "no-store", "Content-Length": str(sum(map(len, pieces)))}
    if encoding != IDENTITY:
        all_headers["Content-Encoding"] = encoding
    return web.Response(body=_in_parts(pieces), headers={**all_headers, **headers})


async def _in_parts(pieces: Iterable[bytes]) -> AsyncIterator[memoryview]:
    """Yield the pieces in small parts, as memoryviews, which aiohttp sends without a copy.

    Over TLS, asyncio encrypts all that it gets before it waits for the client to read.
    """
    for piece in pieces:
        for start in range(0, len(piece), SENT_AT_ONCE_BYTES):
            yield memoryview(piece)[start : start + SENT_AT_ONCE_BYTES]


def _encoding(request: web.BaseRequest) -> str:
    return negotiation.content_encoding(",".join(request.headers.getall("Accept-Encoding", [])))
