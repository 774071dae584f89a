"""Who may see the pages, and what every answer carries."""

import asyncio
import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from exporter.web.config import WebConfig
from exporter.web.connections import Connection, plain
from exporter.web.passwords import Passwords
from exporter.web.turns import CrowdedError

# Nothing from elsewhere, nothing inline, no frame around it, and no trace of it elsewhere.
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "vecharge-exporter",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ASK: Final = {"WWW-Authenticate": 'Basic realm="vecharge-exporter", charset="UTF-8"'}
_LATER: Final = {"Retry-After": "5"}


class Guard:
    """Stands before every page. It judges by the configuration as it is now, whenever a connection was made."""

    def __init__(self, answer_seconds: float) -> None:
        self._answer_seconds = answer_seconds
        self._passwords = Passwords({})
        self._headers: Mapping[str, str] = SECURITY_HEADERS

    def headers(self) -> Mapping[str, str]:
        """What every answer carries."""
        return self._headers

    def obey(self, config: WebConfig) -> None:
        """Lets its users in from now on, and sends its headers beside, or in place of, our own."""
        if config.users != self._passwords.users:  # else those who are in stay in: a certificate was renewed
            self._passwords = Passwords(config.users)
        merged = CIMultiDict(SECURITY_HEADERS)
        merged.update(config.headers)
        # As in all exporters, a blank value takes a header away.
        self._headers = {name: value for name, value in merged.items() if value}

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer of a page, if the client may have it, sent."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        with connection.answering():
            response = await self._response(request, handler)
            response.headers.update(self._headers)
            if connection.is_leaving:
                response.force_close()
            await self._send(request, response)
            return response

    async def _response(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        def has_left() -> bool:
            return request.transport is None or request.transport.is_closing()

        authorization = request.headers.get("Authorization")
        try:
            if not await self._passwords.accept(authorization, line_of(request.remote), has_left):
                return _refusal(HTTPStatus.UNAUTHORIZED, _ASK)
        except CrowdedError:
            return _refusal(HTTPStatus.TOO_MANY_REQUESTS, _LATER)
        try:
            return await handler(request)
        except web.HTTPException as error:
            response = plain(error.status)
            response.headers.update({name: value for name, value in error.headers.items() if name == "Allow"})
            return response

    async def _send(self, request: web.Request, response: web.StreamResponse) -> None:
        # Here, and not left to aiohttp, which waits for a reader for ever, with the whole answer in memory.
        try:
            async with asyncio.timeout(self._answer_seconds):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()


def _refusal(status: int, headers: Mapping[str, str]) -> web.Response:
    refusal = plain(status)
    refusal.headers.update(headers)
    return refusal


def line_of(remote: str | None) -> str:
    """Those who wait together: one address, or a network of IPv6, of which one host has all the addresses it likes."""
    address = ipaddress.ip_address(remote or "::")
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    # What an IPv4 client is on a socket of both families.
    return str(address.ipv4_mapped or int(address) >> 64)
