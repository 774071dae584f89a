"""The configuration: a YAML file, or a few environment variables, as frozen values.

Fields and the rules of a single value stand in settings.py; here stand the rules between values.
"""

import glob
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from exporter import document, settings
from exporter.document import fail
from exporter.errors import TokenError, cause_of
from exporter.tokens import TokenSource

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
    url: str = settings.SERVICE_URL
    transports: tuple[Transport, ...] = TRANSPORTS
    connect_timeout_seconds: float = 10
    ca_file: Path | None = None
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A valid configuration.

    `files` are those that were read; `charger_file_patterns` are absolute globs that more may match later.
    """

    accounts: tuple[AccountConfig, ...]
    stale_after_seconds: float = 300
    expose_location: bool = False
    max_power_watts: float = 400_000
    files: tuple[Path, ...] = ()
    charger_file_patterns: tuple[str, ...] = ()


def load(path: Path) -> Config:
    """The configuration in a file; raises ConfigError: one line that names file, place and fault."""
    raise NotImplementedError


def from_environment(environ: Mapping[str, str]) -> Config:
    """The configuration in VECHARGE_TOKEN, VECHARGE_CHARGERS=a,b and VECHARGE_URL; raises ConfigError."""
    raise NotImplementedError
