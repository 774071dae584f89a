"""The configuration: a YAML file, or a few environment variables, as frozen values.

schema.py has the fields and the rules for a single value; this file has the rules between values.
"""

import hashlib
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config import files, schema, yaml_file
from exporter.config.files import FileMark, FilePattern, mark_of
from exporter.config.tokens import TokenSource
from exporter.errors import ConfigError, TokenError

# The defaults are those of schema.py.
_ACCOUNT = schema.Account(name=schema.Text())
_GLOBAL = schema.Global()


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
    transports: tuple[str, ...] = schema.TRANSPORTS
    connect_timeout_seconds: float = float(_ACCOUNT.connect_timeout)
    ca_file: Path | None = None
    # Digest of ca_file's content: if the authorities change, the account's streams reconnect.
    ca_digest: str | None = None
    insecure_skip_verify: bool = _ACCOUNT.insecure_skip_verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A valid configuration.

    `charger_files` maps each pattern to the files that it matched. `marks` has the marks of all charger files,
    authorities and token files, each taken just before the file was read.
    """

    accounts: tuple[AccountConfig, ...]
    # None is three times the usual interval of each charger.
    stale_after_seconds: float | None = _GLOBAL.stale_after or None
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

    def current_marks(self) -> dict[Path, FileMark | None]:
        """Return the marks as they are now: equal to `marks` until a file changes, appears or disappears."""
        files = {account.ca_file for account in self.accounts if account.ca_file is not None} | self.token_files.keys()
        for pattern in self.charger_files:
            files.update(pattern.files())
        return {file: mark_of(file) for file in files}


def load(path: Path) -> Config:
    """Load a file; raise ConfigError with all invalid values, or with all conflicts between valid ones."""
    return _Loading(path).config()


def load_file_or_environment(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Load the file or, without one, the environment; raise ConfigError."""
    return from_environment(environ) if path is None else load(path)


def from_environment(environ: Mapping[str, str]) -> Config:
    """Load VECHARGE_TOKEN, VECHARGE_CHARGERS="a, b" and VECHARGE_URL; raise ConfigError."""
    problems = []
    if not environ.get("VECHARGE_TOKEN", "").strip():
        problems.append("VECHARGE_TOKEN is not set: set it to the token, or name a file with --config.file")
    ids = [id_ for id_ in re.split(r"[,\s]+", environ.get("VECHARGE_CHARGERS", "")) if id_]
    if not ids:
        problems.append("VECHARGE_CHARGERS is not set: set it to the charger ids, separated by commas or spaces")
    duplicates = [id_ for id_ in dict.fromkeys(ids) if ids.count(id_) > 1]
    problems += (f'VECHARGE_CHARGERS: duplicate charger id "{id_}"' for id_ in duplicates)
    try:
        chargers = tuple(ChargerConfig(id=str(schema.Text.read(id_))) for id_ in ids)
    except ValueError as error:
        problems.append(f"VECHARGE_CHARGERS: a charger id {error}")
    try:
        # Container descriptions pass a variable that is not set as an empty one.
        url = schema.Url.read(environ.get("VECHARGE_URL") or schema.SERVICE_URL)
    except ValueError as error:
        problems.append(f"VECHARGE_URL: {error}")
    if problems:
        raise ConfigError(*problems)
    account = AccountConfig(name="default", token=TokenSource(variable="VECHARGE_TOKEN"), chargers=chargers, url=url)
    return Config(accounts=(account,))


class _Loading:
    """Reads one file into a Config.

    If every value is valid by itself, it collects the faults between values and those of the files that it names.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[str] = []
        self._charger_files: dict[FilePattern, tuple[Path, ...]] = {}
        self._marks: dict[Path, FileMark | None] = {}
        # The place where each was first defined.
        self._accounts: dict[str, str] = {}
        self._chargers: dict[str, tuple[Path, str]] = {}

    def config(self) -> Config:
        file = yaml_file.typed(self._path, yaml_file.read(self._path), schema.Document, schema.read)
        accounts = tuple(self._account(account, f"accounts[{i}]") for i, account in enumerate(file.accounts))
        if not accounts:
            self._add_fault("accounts", "must have at least one account")
        elif not self._faults and not self._chargers:
            self._add_fault("accounts", "no charger to watch: put one under chargers, or into a file of charger_files")
        if self._faults:
            raise ConfigError(*self._faults)
        return Config(
            accounts=accounts,
            stale_after_seconds=file.globals.stale_after or None,
            expose_location=file.globals.expose_location,
            max_power_watts=float(file.globals.max_power_watts),
            charger_files=self._charger_files,
            marks=self._marks,
        )

    def _add_fault(self, place: str, problem: str, file: Path | None = None) -> None:
        self._faults.append(yaml_file.line(file or self._path, place, problem))

    def _account(self, account: schema.Account, place: str) -> AccountConfig:
        if account.name in self._accounts:
            first = self._accounts[account.name]
            self._add_fault(f"{place}.name", f'duplicate account "{account.name}" (first defined at {first})')
        self._accounts.setdefault(account.name, place)
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

    def _token(self, account: schema.Account, place: str) -> TokenSource:
        given = [key for key in ("token", "token_file", "token_env") if getattr(account, key) is not None]
        if not given:
            self._add_fault(place, "a token is missing: give one of token, token_file, token_env")
        if len(given) > 1:
            self._add_fault(place, f"exactly one token source is allowed, not {' and '.join(given)}")
        if account.token_file is not None:
            file = self._path.parent / account.token_file
            self._marks[file] = mark_of(file)
            return TokenSource(file=file)
        if account.token_env is not None:
            return TokenSource(variable=str(account.token_env))
        source = TokenSource(literal=account.token or "")
        if account.token is not None:
            try:
                source.read()
            except TokenError as error:
                self._add_fault(f"{place}.token", str(error))
        return source

    def _transports(self, account: schema.Account, place: str) -> tuple[str, ...]:
        for i, transport in enumerate(account.transports):
            if transport in account.transports[:i]:
                self._add_fault(f"{place}[{i}]", f'duplicate transport "{transport}"')
        if not account.transports:
            self._add_fault(place, f"must have at least one of {', '.join(schema.TRANSPORTS)}")
        return tuple(map(str, account.transports))

    def _authority(self, account: schema.Account, place: str) -> tuple[Path, str] | tuple[None, None]:
        """Return the file and the digest of its content."""
        if account.ca_file is None:
            return None, None
        if account.insecure_skip_verify:
            self._add_fault(place, "has no effect with insecure_skip_verify, which verifies nothing: remove one")
        file = self._path.parent / account.ca_file
        self._marks[file] = mark_of(file)
        try:
            content = files.read(file)
            ssl.create_default_context(cafile=file)
        except ssl.SSLError:
            self._add_fault(place, f"{file} contains no certificate in PEM form")
        except OSError as error:
            self._add_fault(place, f"{file} {files.unreadable(error)}")
        else:
            return file, hashlib.sha256(content).hexdigest()
        return None, None

    def _of_account(self, account: schema.Account, place: str) -> Iterator[ChargerConfig]:
        yield from self._entries(account.chargers, self._path, f"{place}.chargers")
        read = set()
        for i, text in enumerate(account.charger_files):
            for file in self._matched(text, f"{place}.charger_files[{i}]"):
                if file not in read:
                    read.add(file)
                    yield from self._entries(self._charger_file(file), file, "")

    def _matched(self, text: str, place: str) -> tuple[Path, ...]:
        pattern = FilePattern(self._path.parent, text)
        try:
            self._charger_files[pattern] = tuple(pattern.files())
        except OSError as error:
            self._add_fault(place, f"{error.filename} {files.unreadable(error)}")
        return self._charger_files.get(pattern, ())

    def _charger_file(self, file: Path) -> Iterable[str | schema.Charger]:
        self._marks[file] = mark_of(file)
        try:
            return yaml_file.typed(file, yaml_file.read(file), list[str | schema.Charger], schema.read)
        except ConfigError as error:
            self._faults += error.problems
            return ()

    def _entries(self, entries: Iterable[str | schema.Charger], file: Path, place: str) -> Iterator[ChargerConfig]:
        for i, entry in enumerate(entries):
            here = f"{place}[{i}]"
            if isinstance(entry, str):
                try:
                    charger = ChargerConfig(id=str(schema.Text.read(entry)))
                except ValueError as error:
                    self._add_fault(here, f"a charger id {error}", file)
                    continue
            else:
                charger = ChargerConfig(id=str(entry.id), name=None if entry.name is None else str(entry.name))
            if charger.id in self._chargers:
                in_file, there = self._chargers[charger.id]
                first = there if in_file == file else f"{in_file}: {there}"
                self._add_fault(here, f'duplicate charger id "{charger.id}" (first defined at {first})', file)
                continue
            self._chargers[charger.id] = file, here
            yield charger
