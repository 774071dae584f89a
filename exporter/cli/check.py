"""`vecharge-exporter check`: whether tokens can be read; with --online one handshake per charger, and a table of it."""

import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TextIO

import click
from urllib3.exceptions import InsecureRequestWarning

from exporter.cli.handshake import Generation, Handshake, shake, trust
from exporter.config.load import AccountConfig, Config
from exporter.config.tokens import expiry_of
from exporter.errors import TokenError

HEADER = ("CHARGER", "ACCOUNT", "REACHABLE", "PROTOCOL", "TOKEN", "TOKEN EXPIRES")
_DAY_SECONDS = 86400
# Enough to find them in the table above.
_IDS_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one charger."""

    charger_id: str
    account: str
    handshake: Handshake | None
    expiry: float | None
    problem: str | None


def unreadable_tokens(config: Config) -> Iterator[str]:
    """A line for each account whose token cannot be read: which, and what to do."""
    for account in config.accounts:
        try:
            account.token.read()
        except TokenError as error:
            yield f"{account.name}: {error}"


def run_online(
    config: Config, *, stdout: TextIO | None = None, stderr: TextIO | None = None, concurrency: int = 16
) -> bool:
    """Looks at every charger, prints the table and what to do; returns whether everything works.

    For a moment every charger has a connection: the service may refuse it while an exporter watches the same.
    """
    out, err = stdout or sys.stdout, stderr or sys.stderr
    findings = look(config, err, concurrency)
    for line in table(findings, time.time()):
        click.echo(line, file=out)
    problems = list(advice(findings))
    if problems:
        click.echo(file=out)
    for line in problems:
        click.echo(line, file=out)
    return not problems


def look(config: Config, err: TextIO, concurrency: int) -> list[Finding]:
    """The findings of all chargers in the order of the configuration, `concurrency` handshakes at a time."""
    ours = client_generation()
    with warnings.catch_warnings(), ThreadPoolExecutor(concurrency) as pool:
        # Said in the configuration already, by whoever wrote insecure_skip_verify.
        warnings.simplefilter("ignore", InsecureRequestWarning)
        pending: list[Future[Finding]] = []
        for account in config.accounts:
            pending += _submit(pool, account, ours)
        try:
            with _progress(pending, err) as done:
                for _ in done:
                    pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in pending]


def client_generation() -> Generation:
    """The Engine.IO generation that the installed python-socketio speaks."""
    return 4 if int(version("python-socketio").partition(".")[0]) >= 5 else 3


def table(findings: Sequence[Finding], now: float) -> Iterator[str]:
    """The findings as aligned text, a line each under a header."""
    rows = [HEADER, *(_row(finding, now) for finding in findings)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def advice(findings: Iterable[Finding]) -> Iterator[str]:
    """A line for each thing that does not work: which chargers, and what to do."""
    concerned: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.problem is not None:
            concerned.setdefault((finding.account, finding.problem), []).append(finding.charger_id)
    for (account, problem), ids in concerned.items():
        more = f" and {len(ids) - _IDS_NAMED} more" if len(ids) > _IDS_NAMED else ""
        yield f"{account}: {', '.join(ids[:_IDS_NAMED])}{more}: {problem}"


def _submit(pool: ThreadPoolExecutor, account: AccountConfig, ours: Generation) -> list[Future[Finding]]:
    try:
        token = account.token.read()
    except TokenError as error:
        problem = str(error)
        return [pool.submit(_finding, account, charger.id, None, None, problem) for charger in account.chargers]
    context = trust(account)

    def examine(charger_id: str) -> Finding:
        handshake = shake(account, charger_id, token, context, ours)
        problem = handshake.problem or _other_generation(handshake.generation, ours)
        return _finding(account, charger_id, handshake, expiry_of(token), problem)

    return [pool.submit(examine, charger.id) for charger in account.chargers]


def _finding(
    account: AccountConfig, charger_id: str, handshake: Handshake | None, expiry: float | None, problem: str | None
) -> Finding:
    return Finding(charger_id=charger_id, account=account.name, handshake=handshake, expiry=expiry, problem=problem)


def _other_generation(theirs: Generation | None, ours: Generation) -> str | None:
    if theirs is None or theirs == ours:
        return None
    install = "python-socketio 5 in place of 4.6.1" if theirs == 4 else "python-socketio 4.6.1 in place of 5"
    return f"the server speaks Engine.IO {theirs}, this exporter {ours}: install {install} (docs/install.md)"


def _progress(pending: Sequence[Future[Finding]], err: TextIO) -> AbstractContextManager[Iterable[Future[Finding]]]:
    done = as_completed(pending)
    if not err.isatty():
        return nullcontext(done)
    return click.progressbar(done, length=len(pending), label="Chargers", file=err)


def _row(finding: Finding, now: float) -> tuple[str, ...]:
    handshake = finding.handshake
    known = handshake or Handshake(reachable=False)
    token = {None: "-", True: "accepted", False: "refused"}[known.accepted]
    return (
        finding.charger_id,
        finding.account,
        "-" if handshake is None else "yes" if known.reachable else "no",
        f"Engine.IO {known.generation}" if known.generation else "-",
        "unreadable" if handshake is None else token,
        _expiry(finding.expiry, now),
    )


def _expiry(expiry: float | None, now: float) -> str:
    if expiry is None:
        return "-"
    try:
        day = datetime.fromtimestamp(expiry, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "never"
    days = int(abs(expiry - now) // _DAY_SECONDS)
    count = "1 day" if days == 1 else f"{days} days"
    return f"{day} ({count} left)" if expiry > now else f"{day} ({count} ago)"
