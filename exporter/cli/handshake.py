"""One Engine.IO handshake over polling, looked at by hand: what a server is, and whether it takes the token.

Independent of the client library on purpose, so that it can tell a server which the library cannot talk to.
"""

import json
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter

from exporter.config.load import AccountConfig
from exporter.errors import cause_of
from exporter.stream.proxy import proxy_for

Generation = Literal[3, 4]
# A handshake's answer is a few hundred bytes, a charger's document behind it a few thousand.
_MAX_BYTES = 65536
_GOODBYE_SECONDS = 2.0
_REFUSED = "the service refuses the token, or this charger for it: check both"
_BUSY = "the service reports an error for this charger, as it does while another device or exporter is connected to it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What came of it: `generation` and `accepted` are None if not known, `problem` says what to do."""

    reachable: bool = True
    generation: Generation | None = None
    accepted: bool | None = None
    problem: str | None = None


class _Stop(Exception):  # noqa: N818  (an outcome, not an error)
    def __init__(self, outcome: Handshake) -> None:
        self.outcome = outcome


def shake(account: AccountConfig, charger_id: str, token: str, context: ssl.SSLContext, ours: Generation) -> Handshake:
    """Shakes hands as a client of generation `ours` would, and says goodbye again. Never raises."""
    with requests.Session() as session:
        # The way of the streams: the same proxy, and no .netrc.
        session.trust_env = False
        proxy = proxy_for(account.url)
        session.proxies = {} if proxy is None else {"http": proxy, "https": proxy}
        session.mount("https://", _Trusting(context))
        session.verify = not account.insecure_skip_verify and (str(account.ca_file or "") or _system_trust())
        conversation = _Conversation(session, account, {"token": f"Bearer {token}", "chargerId": charger_id})
        try:
            return conversation.outcome(ours)
        except _Stop as stop:
            return stop.outcome
        finally:
            conversation.goodbye()


def trust(account: AccountConfig) -> ssl.SSLContext:
    """The TLS settings of the account: the system's authorities, and its own."""
    context = ssl.create_default_context()
    if account.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Trusting(HTTPAdapter):
    """requests would trust certifi's authorities in place of the system's."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)


def _system_trust() -> str | bool:
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


class _Conversation:
    """The requests of one handshake, all within the account's connect_timeout."""

    def __init__(self, session: requests.Session, account: AccountConfig, query: dict[str, str]) -> None:
        self._session = session
        self._account = account
        self._query = query
        self._deadline = time.monotonic() + account.connect_timeout_seconds
        self._sid: str | None = None
        self._generation: Generation | None = None

    def outcome(self, ours: Generation) -> Handshake:
        status, body = self._get(EIO=ours)
        if status == HTTPStatus.BAD_REQUEST:
            # Perhaps a server of the other generation, which says so (code 5) or just finds it a bad request.
            theirs = self._get(EIO=7 - ours)
            if theirs[0] == HTTPStatus.OK:
                status, body = theirs
        if status != HTTPStatus.OK:
            return _of_status(status)
        self._generation, packets = _packets(body)
        self._sid = _sid_of(packets)
        if self._sid is None:
            return Handshake(problem="what answers is no Socket.IO server: check url")
        return self._verdict(packets[1:])

    def _verdict(self, packets: list[str]) -> Handshake:
        if self._generation == 4:
            # Generation 4 says nothing of the token until the client asks for the namespace.
            self._request("POST", data="40", EIO=4, sid=self._sid)
        while True:
            accepted = _accepted(packets)
            if accepted is not None:
                return Handshake(
                    generation=self._generation, accepted=accepted, problem=_REFUSED if not accepted else _said(packets)
                )
            status, body = self._get(EIO=self._generation, sid=self._sid)
            if status != HTTPStatus.OK:
                return Handshake(
                    generation=self._generation,
                    problem=f"the session broke off with HTTP {status} before a word on the token: try again",
                )
            packets = _packets(body)[1]

    def goodbye(self) -> None:
        """Ends the session, or the service would hold the charger as occupied until its own timeout."""
        if self._sid is not None:
            self._deadline = time.monotonic() + _GOODBYE_SECONDS
            with suppress(_Stop):
                packet = "1" if self._generation == 4 else "1:1"
                self._request("POST", data=packet, EIO=self._generation, sid=self._sid)

    def _get(self, **query: object) -> tuple[int, str]:
        return self._request("GET", data=None, **query)

    def _request(self, method: str, *, data: str | None, **query: object) -> tuple[int, str]:
        # b64 keeps a server of generation 3 from framing payloads in binary.
        parts = self._query | {"transport": "polling", "b64": "1"} | {key: str(value) for key, value in query.items()}
        url = f"{self._account.url}/socket.io/?{urlencode(parts, quote_via=quote)}"
        headers = {"Accept-Encoding": "identity", "Content-Type": "text/plain;charset=UTF-8"}
        try:
            with self._session.request(
                method, url, data=data, headers=headers, timeout=self._left(), allow_redirects=False, stream=True
            ) as answer:
                return answer.status_code, self._body(answer).decode(errors="replace")
        except (requests.RequestException, OSError, ValueError) as error:
            # Its text holds the URL, and so the token: only its kind is told, and nothing is chained.
            raise _Stop(self._of_exception(error)) from None

    def _body(self, answer: requests.Response) -> bytes:
        body = bytearray()
        # Byte by byte, since a larger read would wait for all of it, and a server may trickle for ever.
        for byte in answer.iter_content(1):
            body += byte
            self._left()
            if len(body) > _MAX_BYTES:
                problem = f"what answers sends more than {_MAX_BYTES} bytes to a handshake: check url"
                raise _Stop(Handshake(generation=self._generation, problem=problem))
        return bytes(body)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _Stop(self._late())
        return left

    def _late(self) -> Handshake:
        within = f"within {self._account.connect_timeout_seconds:g} s"
        if self._sid is None:
            problem = f"no answer {within}: look at service and network, or raise connect_timeout"
            return Handshake(reachable=False, problem=problem)
        problem = f"the service says nothing about the token {within}: try again, or raise connect_timeout"
        return Handshake(generation=self._generation, problem=problem)

    def _of_exception(self, error: BaseException) -> Handshake:
        chain = list(_chain(error))
        for link in chain:
            if isinstance(link, ssl.SSLCertVerificationError):
                words = f"{link.verify_message}): check url, ca_file and the server's certificate"
                return Handshake(reachable=False, problem=f"the server's certificate is not trusted ({words}")
            if isinstance(link, ssl.SSLError):
                return Handshake(reachable=False, problem="TLS failed: check that url begins as the server wants it")
        if any(isinstance(link, TimeoutError | requests.Timeout) for link in chain):
            return self._late()
        for link in chain:
            if isinstance(link, OSError) and link.errno is not None and link.errno > 0:
                problem = f"the server cannot be reached ({cause_of(link)}): check url, network and firewall"
                return Handshake(reachable=False, problem=problem)
        if any("NameResolution" in type(link).__name__ for link in chain):
            return Handshake(reachable=False, problem="the server's name cannot be resolved: check url and DNS")
        return Handshake(reachable=False, problem="the connection broke off: check url, and look at the service")


def _of_status(status: int) -> Handshake:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Handshake(accepted=False, problem=f"the service refuses the token (HTTP {status}): check it")
    if 300 <= status < 400:
        advice = "it leads elsewhere, and redirects are not followed: put the final address into url"
    elif status == HTTPStatus.NOT_FOUND:
        advice = "there is no Socket.IO at this address: check url"
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        advice = "too many requests: wait a while"
    else:
        advice = "look at the service"
    return Handshake(problem=f"the server answers HTTP {status} to the handshake: {advice}")


def _packets(body: str) -> tuple[Generation, list[str]]:
    """The packets of a payload and the generation it is framed for: `LENGTH:PACKET...`, or with U+001E between.

    The framing tells the generation better than what was asked for: a server 2.x ignores `EIO=4`.
    """
    if not re.match(r"[0-9]+:", body):
        return 4, body.split("\x1e")
    # JavaScript counts UTF-16 units.
    units = body.encode("utf-16-le", errors="replace")
    packets, at = [], 0
    while found := re.match(r"([0-9]{1,9}):", units[at : at + 22].decode("utf-16-le", errors="replace")):
        start = at + 2 * found.end()
        at = start + 2 * int(found[1])
        packets.append(units[start:at].decode("utf-16-le", errors="replace"))
    return 3, packets


def _sid_of(packets: list[str]) -> str | None:
    """The session id in an OPEN packet, `0{...}`."""
    if not packets or not packets[0].startswith("0"):
        return None
    try:
        sid = json.loads(packets[0][1:])["sid"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return sid if isinstance(sid, str) and sid else None


def _accepted(packets: list[str]) -> bool | None:
    """The service's word on the token: CONNECT (`40`) or already an event (`42`), against ERROR (`44`)."""
    for packet in packets:
        if packet.startswith("44"):
            return False
        if packet.startswith(("40", "42")):
            return True
    return None


def _said(packets: list[str]) -> str | None:
    """The service's `error` event among the packets; its text is not repeated, since it could name a user."""
    return _BUSY if any(packet.startswith('42["error"') for packet in packets) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, also as urllib3 nests it in arguments and `reason`."""
    left = [error]
    seen: set[int] = set()
    while left:
        link = left.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        left += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
