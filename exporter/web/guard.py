"""Authentication of every request, and the headers of every answer."""

import asyncio
from http import HTTPStatus
from typing import Final

from aiohttp import web

from exporter.charger.process_stats import ExporterProcess
from exporter.logs import Log, Thinned
from exporter.web.config import WebConfig
from exporter.web.connections import Answer, plain
from exporter.web.passwords import Passwords, TooManyWaitingError
from exporter.web.tls import is_allowed

# Pages load nothing from other sites and nothing inline, cannot be framed, and send no referrer.
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
_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="vecharge-exporter", charset="UTF-8"'}
_RETRY_LATER: Final = {"Retry-After": "5"}


class Guard:
    """Checks every request against the current web configuration before a page answers it."""

    def __init__(self, answer: Answer, answer_seconds: float, process: ExporterProcess, log: Log) -> None:
        self._answer = answer
        self._answer_seconds = answer_seconds
        self._process = process
        self._log = log
        self._passwords = Passwords({})
        self._headers = dict(SECURITY_HEADERS)
        self._allowed_sans: frozenset[str] = frozenset()
        self._wrong_passwords = Thinned()

    def apply(self, config: WebConfig) -> None:
        """Apply users, headers and allowed client certificates of `config`."""
        if config.users != self._passwords.users:  # otherwise verified passwords stay verified
            self._passwords = Passwords(config.users)
        # As in all exporters, a blank value removes a header.
        self._headers = {name: value for name, value in {**SECURITY_HEADERS, **config.headers}.items() if value}
        self._allowed_sans = config.tls.client_allowed_sans if config.tls else frozenset()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send the answer of a page, or an error if the client is not allowed."""
        response = await self._respond(request)
        self._finish(response)
        # Not left to aiohttp, which waits for a slow client without a limit, with the whole answer in memory.
        try:
            async with asyncio.timeout(self._answer_seconds):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        return response

    def refuse(self, status: int) -> web.Response:
        """Return the answer to an invalid request."""
        response = plain(status)
        self._finish(response)
        return response

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        if not is_allowed(request.get_extra_info("peercert"), self._allowed_sans):
            return plain(HTTPStatus.FORBIDDEN, "client certificate refused: none of its names is allowed")
        authorization = request.headers.get("Authorization")
        try:
            is_accepted = await self._passwords.accept(authorization)
        except TooManyWaitingError:
            return plain(HTTPStatus.TOO_MANY_REQUESTS, headers=_RETRY_LATER)
        if not is_accepted:
            if authorization is not None:  # a browser asks without a password first
                self._log_wrong_password(request.remote)
            return plain(HTTPStatus.UNAUTHORIZED, headers=_CHALLENGE)
        return await self._answer(request)

    def _finish(self, response: web.StreamResponse) -> None:
        response.headers.update(self._headers)
        self._process.count_answer(response.status)

    def _log_wrong_password(self, client: str | None) -> None:
        # Count all clients together: an attacker may use many addresses.
        times = self._wrong_passwords.times_if_due("wrong password", asyncio.get_running_loop().time())
        if times:
            self._log.warning("wrong password", client=client, times=times)
