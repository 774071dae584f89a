"""`vecharge-exporter check`: checks that tokens can be read and, with --online, that every charger connects."""

import asyncio
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import click

from exporter.app import run_loop
from exporter.charger.events import Connected, Event
from exporter.cli.columns import aligned
from exporter.config.load import AccountConfig, Config, load_file_or_environment
from exporter.config.schema import TRANSPORTS
from exporter.config.tokens import expired_on, expiry_of, expiry_text
from exporter.errors import ConnectError, ConnectFailure, TokenError
from exporter.logs import create_log
from exporter.stream.connection import Connection, Target
from exporter.stream.diagnosis import closed_early
from exporter.stream.open_files import shortage
from exporter.stream.services import Service, Services, without_chargers
from exporter.web import config as web_config

CONCURRENCY: Final = 16
# How many charger ids a line of advice names; the table has all.
IDS_NAMED: Final = 5

REFUSED_ID: Final = "the service refuses this charger id: check its spelling, and that the account may see the charger"
REFUSED_TOKEN: Final = "the service refuses this token: get a new one"  # noqa: S105 - no token


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of connecting one charger, by transport: an error, or None if it connected."""

    charger_id: str
    account: str
    outcomes: Mapping[str, ConnectError | None]
    token_expiry_unix: float | None = None

    @property
    def connects(self) -> bool:
        """Whether a transport works: the exporter uses the first one that does."""
        return None in self.outcomes.values()


def load_files(config_file: Path | None, web_config_file: Path | None) -> Config:
    """Load the configuration, and check that the web configuration is valid; raise ConfigError."""
    config = load_file_or_environment(config_file, os.environ)
    if web_config_file is not None:
        web_config.load(web_config_file)
    return config


def check_files(config_file: Path | None, web_config_file: Path | None) -> Config:
    """Load the configuration, and print that both files are valid; raise ConfigError."""
    config = load_files(config_file, web_config_file)
    chargers = sum(len(account.chargers) for account in config.accounts)
    click.echo(f"{config_file or 'environment'}: valid, {len(config.accounts)} account(s), {chargers} charger(s)")
    for pattern in config.unmatched_patterns:
        click.echo(f"{config_file}: charger_files: {pattern} matches no file")
    if web_config_file is not None:
        click.echo(f"{web_config_file}: valid")
    if problem := shortage(chargers):
        # The exporter may run with another limit, or as one of several shards.
        click.echo(f"run here: {problem}")
    return config


def check_tokens(config: Config) -> list[str]:
    """Print and return a line for each account whose token cannot be read or has expired."""
    problems = []
    for account in config.accounts:
        try:
            expired = expired_on(account.token.read(), time.time())
        except TokenError as error:
            problems.append(f"{account.name}: {error}")
        else:
            if expired is not None:
                problems.append(f"{account.name}: {account.token}: the token has expired, {expired}: replace it")
    _print(problems)
    return problems


def check_online(config: Config) -> list[str]:
    """Connect every charger over every transport and print the results; return the chargers that do not connect.

    The service may refuse a charger that an exporter watches at the same time.
    """
    log = create_log("error", "logfmt")
    findings: list[Finding] = run_loop(lambda: connect_all(config, sys.stderr), log)
    _print(table(findings, time.time()))
    _print(advice(findings))
    return [finding.charger_id for finding in findings if not finding.connects]


async def connect_all(config: Config, err: TextIO) -> list[Finding]:
    """Connect all chargers whose token can be read; return the findings in the order of the configuration."""
    services = Services()
    await services.replace(services.prepare({one.name: without_chargers(one) for one in config.accounts}))
    limit = asyncio.Semaphore(CONCURRENCY)
    try:
        async with asyncio.TaskGroup() as group:
            connecting = [
                group.create_task(_connect(services[account.name], charger.id, token, limit))
                for account in config.accounts
                if (token := _token_of(account))
                for charger in account.chargers
            ]
            if connecting and err.isatty():
                group.create_task(_show_progress(connecting, err))
        return [task.result() for task in connecting]
    finally:
        await services.replace({})


def table(findings: Sequence[Finding], now_unix: float) -> list[str]:
    """Return the findings as a table with a header."""
    used = [transport for transport in TRANSPORTS if any(transport in finding.outcomes for finding in findings)]
    rows = [("CHARGER", "ACCOUNT", *map(str.upper, used), "TOKEN EXPIRES")]
    for finding in findings:
        cells = (_cell(finding, transport) for transport in used)
        rows.append((finding.charger_id, finding.account, *cells, expiry_text(finding.token_expiry_unix, now_unix)))
    return aligned(rows)


def advice(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a line for each problem: its account, its chargers, the reason and the remedy."""
    for account in dict.fromkeys(finding.account for finding in findings):
        yield from _advice_on(account, [finding for finding in findings if finding.account == account])


def _advice_on(account: str, findings: Sequence[Finding]) -> Iterator[str]:
    ids_by_problem: dict[str, list[str]] = {}
    refusal = _refusal(findings)
    for finding in findings:
        for problem in _problems(finding, refusal):
            ids_by_problem.setdefault(problem, []).append(finding.charger_id)
    for problem, ids in ids_by_problem.items():
        more = f" and {len(ids) - IDS_NAMED} more" if len(ids) > IDS_NAMED else ""
        yield f"{account}: {', '.join(ids[:IDS_NAMED])}{more}: {problem}"


def _problems(finding: Finding, refusal: str | None) -> Iterator[str]:
    """Yield each problem of a charger. It begins with the transport, unless all transports have it."""
    problems: dict[str, str] = {}
    for transport, error in finding.outcomes.items():
        if error is not None:
            is_refused = error.reason is ConnectFailure.REJECTED and not finding.connects
            problems[transport] = refusal if is_refused and refusal else str(error)
    for problem in dict.fromkeys(problems.values()):
        failed = [transport for transport in problems if problems[transport] == problem]
        yield problem if len(failed) == len(finding.outcomes) else f"{failed[0]} fails: {problem}"


def _refusal(findings: Sequence[Finding]) -> str | None:
    """Return what a refusal means if the chargers of an account show it: a wrong id, or a wrong token."""
    if any(finding.connects for finding in findings):
        return REFUSED_ID
    errors = [error for finding in findings for error in finding.outcomes.values()]
    if len(findings) > 1 and all(error and error.reason is ConnectFailure.REJECTED for error in errors):
        return REFUSED_TOKEN
    return None


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _token_of(account: AccountConfig) -> str | None:
    with suppress(TokenError):
        return account.token.read()
    return None


async def _connect(service: Service, charger_id: str, token: str, limit: asyncio.Semaphore) -> Finding:
    async with limit:
        outcomes: dict[str, ConnectError | None] = {
            transport: await _attempt(service, charger_id, token, transport) for transport in service.account.transports
        }
    return Finding(
        charger_id=charger_id, account=service.account.name, outcomes=outcomes, token_expiry_unix=expiry_of(token)
    )


async def _attempt(service: Service, charger_id: str, token: str, transport: str) -> ConnectError | None:
    target = Target(service.account.url, charger_id, service.account.connect_timeout_seconds)
    events: list[Event] = []
    connection = Connection(target, service.http, events.append)
    try:
        await connection.open(token, transport)
        await connection.welcomed()
        if connection.has_ended and events == [Connected()]:
            return closed_early()
    except ConnectError as error:
        return error
    finally:
        # Disconnect, since the service would treat the charger as occupied until its own timeout.
        await connection.close()
    return None


async def _show_progress(connecting: Sequence["asyncio.Task[Finding]"], err: TextIO) -> None:
    with click.progressbar(length=len(connecting), label="Chargers", file=err) as bar:
        for done in asyncio.as_completed(connecting):
            await done
            bar.update(1)


def _cell(finding: Finding, transport: str) -> str:
    if transport not in finding.outcomes:
        return "-"
    error = finding.outcomes[transport]
    return "connected" if error is None else error.reason.value
