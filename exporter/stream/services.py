"""The service of each account: the resources that its streams share."""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp

from exporter.config.files import unreadable
from exporter.config.load import AccountConfig
from exporter.config.tokens import TokenReader
from exporter.errors import ConfigError
from exporter.stream.http_sessions import HttpSessions
from exporter.stream.proxy import proxy_for
from exporter.stream.supervisor import Service
from exporter.stream.tls import ResumingContext

# An account without its chargers, and the service that was made for it.
Prepared = dict[str, tuple[AccountConfig, Service]]


class Services:
    """The services in use, by account. An account that has not changed keeps its connector."""

    def __init__(self) -> None:
        self._current: Prepared = {}

    def __getitem__(self, account: str) -> Service:
        return self._current[account][1]

    def prepare(self, accounts: Mapping[str, AccountConfig]) -> Prepared:
        """Return the services for `replace`; raise ConfigError if TLS cannot be prepared. Changes nothing."""
        prepared = {}
        for name, account in accounts.items():
            known = self._current.get(name)
            prepared[name] = known if known and known[0] == account else (account, _service(account))
        return prepared

    async def replace(self, prepared: Prepared) -> None:
        """Use these services, and close the connectors of those that are no longer used."""
        before, self._current = self._current, prepared
        for name, (_, service) in before.items():
            if name not in prepared or prepared[name][1] is not service:
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
    return Service(
        account.name,
        account.url,
        TokenReader(account.token),
        account.transports,
        account.connect_timeout_seconds,
        HttpSessions(
            # Unlimited: each stream has one connection.
            aiohttp.TCPConnector(ssl=context, limit=0),
            account.connect_timeout_seconds,
            proxy_for(account.url),
            context,
        ),
    )
