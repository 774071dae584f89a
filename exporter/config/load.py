"""The configuration: a YAML file, or a few environment variables, as frozen values.

Fields and the rules of a single value stand in settings.py; here stand the rules between values.
"""

import hashlib
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from exporter.config import files
from exporter.config import schema as settings
from exporter.config import yaml_file as document
from exporter.config.files import FileMark, FilePattern, mark_of
from exporter.config.tokens import TokenSource
from exporter.config.yaml_file import fail
from exporter.errors import TokenError

# The defaults stand in settings.py, once.
_ACCOUNT = settings.Account(name=settings.Text())
_GLOBAL = settings.Global()

Transport = Literal["websocket", "polling"]
TRANSPORTS: tuple[Transport, ...] = ("websocket", "polling")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargerConfig:
    """A charger to watch."""

    id: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """An account of the service, and the chargers to watch through it."""

    name: str
    token: TokenSource
    chargers: tuple[ChargerConfig, ...]
    url: str = str(_ACCOUNT.url)
    transports: tuple[Transport, ...] = TRANSPORTS
    connect_timeout_seconds: float = float(_ACCOUNT.connect_timeout)
    ca_file: Path | None = None
    # Of what ca_file holds: an account with other authorities is another one, and connects again.
    ca_digest: str | None = None
    insecure_skip_verify: bool = _ACCOUNT.insecure_skip_verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A valid configuration.

    `charger_files` are its patterns with the files that each matched. `marks` are those of its charger files,
    authorities and token files, each taken just before the file was read.
    """

    accounts: tuple[AccountConfig, ...]
    stale_after_seconds: float = float(_GLOBAL.stale_after)
    expose_location: bool = _GLOBAL.expose_location
    max_power_watts: float = float(_GLOBAL.max_power_watts)
    charger_files: Mapping[FilePattern, tuple[Path, ...]] = field(default_factory=dict)
    marks: Mapping[Path, FileMark | None] = field(default_factory=dict)

    @property
    def unmatched_patterns(self) -> list[FilePattern]:
        """The patterns that match no file."""
        return [pattern for pattern, files in self.charger_files.items() if not files]

    @property
    def token_files(self) -> dict[Path, list[str]]:
        """Each token file, with the names of the accounts that use it."""
        names: dict[Path, list[str]] = {}
        for account in self.accounts:
            if account.token.file is not None:
                names.setdefault(account.token.file, []).append(account.name)
        return names

    def look(self) -> dict[Path, FileMark | None]:
        """The marks as they are now: equal to `marks` as long as loading would read the same files."""
        files = {account.ca_file for account in self.accounts if account.ca_file is not None} | self.token_files.keys()
        for pattern in self.charger_files:
            files.update(pattern.files())
        return {file: mark_of(file) for file in files}


def load(path: Path) -> Config:
    """The configuration in a file; raises ConfigError: one line that names file, place and fault."""
    return _Loading(path).config()


def from_environment(environ: Mapping[str, str]) -> Config:
    """The configuration in VECHARGE_TOKEN, VECHARGE_CHARGERS=a,b and VECHARGE_URL; raises ConfigError."""
    if not environ.get("VECHARGE_TOKEN", "").strip():
        fail("VECHARGE_TOKEN", "", "is not set: set it to the token, or name a file with --config.file")
    ids = [part.strip() for part in environ.get("VECHARGE_CHARGERS", "").split(",")]
    if not any(ids):
        fail("VECHARGE_CHARGERS", "", "is not set: set it to the ids of the chargers, with commas between")
    try:
        chargers = tuple(ChargerConfig(id=str(settings.Text.read(id_))) for id_ in ids if id_)
    except ValueError as error:
        fail("VECHARGE_CHARGERS", "", f"a charger id {error}")
    for charger in chargers:
        if ids.count(charger.id) > 1:
            fail("VECHARGE_CHARGERS", "", f'charger id "{charger.id}" stands twice')
    try:
        # What is set to nothing counts as not set: container descriptions hand variables on that way.
        url = settings.Url.read(environ.get("VECHARGE_URL") or settings.SERVICE_URL)
    except ValueError as error:
        fail("VECHARGE_URL", "", str(error))
    account = AccountConfig(name="default", token=TokenSource(variable="VECHARGE_TOKEN"), chargers=chargers, url=url)
    return Config(accounts=(account,))


class _Loading:
    """One file on its way to a Config, and where each id and name in it stood."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._charger_files: dict[FilePattern, tuple[Path, ...]] = {}
        self._marks: dict[Path, FileMark | None] = {}
        self._accounts: dict[str, str] = {}
        self._chargers: dict[str, tuple[Path, str]] = {}

    def config(self) -> Config:
        path = self._path
        file = document.typed(path, document.read(path), settings.Document, settings.SECTIONS, settings.read)
        if not file.accounts:
            fail(path, "accounts", "must hold at least one account")
        accounts = tuple(self._account(account, f"accounts[{i}]") for i, account in enumerate(file.accounts))
        if not self._chargers:
            fail(path, "accounts", "no charger to watch: put one under chargers, or into a file of charger_files")
        return Config(
            accounts=accounts,
            stale_after_seconds=float(file.globals.stale_after),
            expose_location=file.globals.expose_location,
            max_power_watts=float(file.globals.max_power_watts),
            charger_files=self._charger_files,
            marks=self._marks,
        )

    def _account(self, account: settings.Account, place: str) -> AccountConfig:
        if account.name in self._accounts:
            also = self._accounts[account.name]
            fail(self._path, f"{place}.name", f'account "{account.name}" stands twice (also at {also})')
        self._accounts[account.name] = place
        ca_file, ca_digest = self._authority(account, f"{place}.ca_file")
        return AccountConfig(
            name=str(account.name),
            url=str(account.url),
            token=self._token(account, place),
            transports=self._transports(account, f"{place}.transports"),
            connect_timeout_seconds=float(account.connect_timeout),
            ca_file=ca_file,
            ca_digest=ca_digest,
            insecure_skip_verify=account.insecure_skip_verify,
            chargers=tuple(self._of_account(account, place)),
        )

    def _token(self, account: settings.Account, place: str) -> TokenSource:
        given = [key for key in ("token", "token_file", "token_env") if getattr(account, key) is not None]
        if not given:
            fail(self._path, place, "a token is missing: give one of token, token_file, token_env")
        if len(given) > 1:
            fail(self._path, place, f"exactly one token source is allowed, not {' and '.join(given)}")
        if account.token_file is not None:
            file = self._path.parent / account.token_file
            self._marks[file] = mark_of(file)
            return TokenSource(file=file)
        if account.token_env is not None:
            return TokenSource(variable=str(account.token_env))
        source = TokenSource(literal=account.token)
        try:
            source.read()
        except TokenError as error:
            fail(self._path, f"{place}.token", str(error))
        return source

    def _transports(self, account: settings.Account, place: str) -> tuple[Transport, ...]:
        for i, transport in enumerate(account.transports):
            if transport not in TRANSPORTS:
                fail(self._path, f"{place}[{i}]", f"unknown transport (known are {', '.join(TRANSPORTS)})")
            if transport in account.transports[:i]:
                fail(self._path, f"{place}[{i}]", f'transport "{transport}" stands twice')
        if not account.transports:
            fail(self._path, place, f"must hold at least one of {', '.join(TRANSPORTS)}")
        return cast("tuple[Transport, ...]", tuple(str(transport) for transport in account.transports))

    def _authority(self, account: settings.Account, place: str) -> tuple[Path, str] | tuple[None, None]:
        """The file and the digest of what it holds."""
        if account.ca_file is None:
            return None, None
        if account.insecure_skip_verify:
            fail(self._path, place, "has no effect with insecure_skip_verify, which verifies nothing: remove one")
        file = self._path.parent / account.ca_file
        self._marks[file] = mark_of(file)
        try:
            content = files.read(file)
            ssl.create_default_context(cafile=file)
        except ssl.SSLError:
            fail(self._path, place, f"{file} holds no certificate in PEM form")
        except OSError as error:
            fail(self._path, place, f"{file} {files.unreadable(error)}")
        return file, hashlib.sha256(content).hexdigest()

    def _of_account(self, account: settings.Account, place: str) -> Iterator[ChargerConfig]:
        yield from self._entries(account.chargers, self._path, f"{place}.chargers")
        read = set()
        for i, text in enumerate(account.charger_files):
            pattern = FilePattern(self._path.parent, text)
            try:
                matched = pattern.files()
            except OSError as error:
                place_of_pattern = f"{place}.charger_files[{i}]"
                fail(self._path, place_of_pattern, f"{error.filename} {files.unreadable(error)}")
            self._charger_files[pattern] = tuple(matched)
            for file in matched:
                if file in read:
                    continue
                read.add(file)
                self._marks[file] = mark_of(file)
                entries = document.typed(
                    file,
                    document.read(file),
                    list[str | settings.Charger],
                    {"[]": settings.Charger},
                    settings.read,
                )
                yield from self._entries(entries, file, "")

    def _entries(self, entries: Iterable[str | settings.Charger], file: Path, place: str) -> Iterator[ChargerConfig]:
        for i, entry in enumerate(entries):
            here = f"{place}[{i}]"
            if isinstance(entry, str):
                try:
                    charger = ChargerConfig(id=str(settings.Text.read(entry)))
                except ValueError as error:
                    fail(file, here, f"a charger id {error}")
            else:
                name = None if entry.name is None else str(entry.name)
                charger = ChargerConfig(id=str(entry.id), name=name)
            if charger.id in self._chargers:
                in_file, there = self._chargers[charger.id]
                also = there if in_file == file else f"{in_file}: {there}"
                fail(file, here, f'charger id "{charger.id}" stands twice (also at {also})')
            self._chargers[charger.id] = file, here
            yield charger
