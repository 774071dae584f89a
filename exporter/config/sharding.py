"""Which of several exporters watches a charger."""

import hashlib
from dataclasses import dataclass, replace

from exporter.config.load import Config
from exporter.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `total` exporters, counted from 0. Every charger belongs to exactly one."""

    index: int = 0
    total: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.total:
            raise ConfigError(
                f"--shard {self.index}: must be from 0 to {self.total - 1}, one less than --total-shards {self.total}"
            )

    def of(self, config: Config) -> Config:
        """Return the part of a configuration that this shard watches. An account may have no charger in it."""
        if self.total == 1:
            return config
        accounts = (
            replace(account, chargers=tuple(charger for charger in account.chargers if self.watches(charger.id)))
            for account in config.accounts
        )
        return replace(config, accounts=tuple(accounts))

    def watches(self, charger_id: str) -> bool:
        """Return whether this shard watches the charger."""
        return hashmod(charger_id, self.total) == self.index


def hashmod(text: str, modulus: int) -> int:
    """Return what the `hashmod` action of Prometheus' relabelling returns: the last 8 bytes of the MD5, modulo."""
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big") % modulus
