"""The service of each account: what its streams share."""

import ssl
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import aiohttp

from exporter.config.files import unreadable
from exporter.config.load import AccountConfig
from exporter.config.tokens import TokenReader
from exporter.errors import ConfigError, ConnectFailure
from exporter.stream.http_sessions import HttpSessions
from exporter.stream.proxy import proxy_for
from exporter.stream.tls import ResumingContext


@dataclass(slots=True)
class Service:
    """What the streams of an account share: their resources, and what they know about the state of the service."""

    # Without its chargers.
    account: AccountConfig
    token: TokenReader
    http: HttpSessions
    # By reason, the chargers that fail now, each with its rank when it began to: 1 for the first.
    failing: defaultdict[ConnectFailure, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    # Do not connect before this time of the event loop: the service has sent Retry-After.
    closed_until: float = 0.0


class Services:
    """The services in use, by account. An account that has not changed keeps its connector."""

    def __init__(self) -> None:
        self._current: dict[str, Service] = {}

    def __getitem__(self, account: str) -> Service:
        return self._current[account]

    def prepare(self, accounts: Mapping[str, AccountConfig]) -> dict[str, Service]:
        """Return the services for `replace`; raise ConfigError if TLS cannot be prepared. Changes nothing."""
        prepared = {}
        for name, account in accounts.items():
            known = self._current.get(name)
            prepared[name] = known if known and known.account == account else _service(account)
        return prepared

    async def replace(self, prepared: dict[str, Service]) -> None:
        """Use these services, and close the connectors of those that are no longer used."""
        before, self._current = self._current, prepared
        for name, service in before.items():
            if prepared.get(name) is not service:
                await service.http.close()


def without_chargers(account: AccountConfig) -> AccountConfig:
    """Return the part of an account that its streams share: they must not reconnect when a charger is added."""
    return replace(account, chargers=())


def _service(account: AccountConfig) -> Service:
    try:
        context = ResumingContext(urlsplit(account.url).hostname or "")
        if account.ca_file is not None:
            context.load_verify_locations(account.ca_file)
    except OSError as error:
        what = "the system's certificates" if account.ca_file is None else account.ca_file
        raise ConfigError(f"account {account.name}: {what} {unreadable(error)}") from error
    if account.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    http = HttpSessions(
        # Unlimited: each stream has one connection.
        aiohttp.TCPConnector(ssl=context, limit=0),
        account.connect_timeout_seconds,
        proxy_for(account.url),
        context,
    )
    return Service(account, TokenReader(account.token), http)
