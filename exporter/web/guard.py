"""Who may see the pages, and what every answer carries."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from exporter.passwords import Passwords
from exporter.web.listening import plain

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


def headers_of(configured: Mapping[str, str]) -> dict[str, str]:
    """What every answer carries: the security headers, as far as the operator does not say otherwise."""
    headers = CIMultiDict(SECURITY_HEADERS)
    headers.update(configured)
    # As in all exporters, a blank value takes a header away.
    return {name: value for name, value in headers.items() if value}


class Guard:
    """Stands before every page of one listener."""

    def __init__(self, users: Mapping[str, bytes], headers: Mapping[str, str], answer_seconds: float) -> None:
        self._passwords = Passwords(users)
        self._headers = headers
        self._answer_seconds = answer_seconds
        self._answering = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._is_leaving = False

    async def leave(self) -> None:
        """Returns once nothing is being answered; from now on an answer is the last one of its connection."""
        self._is_leaving = True
        await self._quiet.wait()

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer of a page, if the client may have it, sent."""
        self._answering += 1
        self._quiet.clear()
        try:
            response = await self._response(request, handler)
            response.headers.update(self._headers)
            if self._is_leaving:
                response.force_close()
            await self._send(request, response)
            return response
        finally:
            self._answering -= 1
            if not self._answering:
                self._quiet.set()

    async def _response(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not await self._passwords.accept(request.headers.get("Authorization")):
            refusal = plain(HTTPStatus.UNAUTHORIZED)
            refusal.headers.update(_ASK)
            return refusal
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
