"""Reload: read and validate the configuration, then apply it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from exporter.charger.clock import Moment
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenReader, expired_on
from exporter.config.watch import CHECK_SECONDS, Marks, watch_files
from exporter.daemon_thread import in_daemon_thread
from exporter.errors import ConfigError, TokenError, cause_of
from exporter.logs import Log, where


class Reloads:
    """Reloads the configuration when asked, and when one of its files changes on disk."""

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        apply: Callable[[Config], Awaitable[None]],
        token_changed: Callable[[str], None],
        process: ExporterProcess,
        clock: Callable[[], Moment],
        log: Log,
    ) -> None:
        self._config = config
        self._load = load
        self._apply = apply
        self._token_changed = token_changed
        self._process = process
        self._clock = clock
        self._log = log
        self._one_at_a_time = asyncio.Lock()
        self._marks: Marks = config.marks
        # The error of the last reload, if it failed.
        self._failure: str | None = None

    async def watch(self, check_seconds: float = CHECK_SECONDS) -> None:
        """Watch the files of the configuration until cancelled. A failed reload is retried at every check."""
        await watch_files(self._marks_as_read, lambda: self._config.current_marks(), self._files_changed, check_seconds)

    async def reload(self) -> None:
        """Reload the configuration; raise ConfigError and keep the previous one if that fails."""
        await self._reload(is_asked_for=True)

    async def log_expired_tokens(self) -> None:
        """Log a warning for each account whose token has expired: the service will reject it."""
        for account in self._config.accounts:
            with suppress(TokenError):  # A stream that needs the token logs why it cannot be read.
                token = await TokenReader(account.token).read()
                if (expired := expired_on(token, self._clock().unix)) is not None:
                    fields = {"account": account.name, "source": str(account.token), "expired": expired}
                    self._log.warning("the token has expired: replace it", **fields)

    def _marks_as_read(self) -> Marks | None:
        return self._marks if self._failure is None else None

    async def _files_changed(self, now: Marks | None) -> None:
        """Reload. If only token files changed, just wake the streams that wait because of the old token."""
        if now is not None:
            changed = {file for file, _ in now.items() ^ self._marks.items()}
            token_files = self._config.token_files
            # A reload during the check may have added files that `now` does not have.
            for file in token_files.keys() & changed & now.keys():
                self._marks = {**self._marks, file: now[file]}
                for account in token_files[file] if now[file] is not None else ():
                    self._token_changed(account)
            if self._failure is None and changed <= token_files.keys():
                return
        with suppress(ConfigError):  # logged
            await self._reload(is_asked_for=False)

    async def _reload(self, *, is_asked_for: bool) -> None:
        async with self._one_at_a_time:
            before = self._config
            try:
                await self._swap()
            except ConfigError as error:
                self._process.reload_successful = False
                # A retry fails again at every check: log the same error once.
                if is_asked_for or self._failure != str(error):
                    self._log.error("reload failed; keeping the previous configuration", error=str(error))
                self._failure = str(error)
                raise
            self._failure = None
            self._process.reload_successful = True
            self._process.reload_success_unix = self._clock().unix
            self._log_changes(before)
            await self.log_expired_tokens()

    async def _swap(self) -> None:
        try:
            config = await in_daemon_thread(self._load)
            _refuse_loss(self._config, config)
            await self._apply(config)
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(f"unexpected failure ({cause_of(error)} at {where(error)})") from error
        self._config = config
        self._marks = config.marks

    def _log_changes(self, config_before: Config) -> None:
        before, now = _chargers(config_before), _chargers(self._config)
        self._log.info(
            "configuration reloaded",
            accounts=len(self._config.accounts),
            chargers=len(now),
            added=len(now.keys() - before.keys()),
            removed=len(before.keys() - now.keys()),
            changed=sum(now[charger_id] != before[charger_id] for charger_id in now.keys() & before.keys()),
        )
        log_unmatched_patterns(self._config, self._log, known=config_before)


def log_unmatched_patterns(config: Config, log: Log, known: Config | None = None) -> None:
    """Log a warning for each pattern that matches no file, unless it matched none in `known` either."""
    logged = known.unmatched_patterns if known else []
    for pattern in config.unmatched_patterns:
        if pattern not in logged:
            log.warning("no file matches charger_files: is a volume not mounted yet?", pattern=str(pattern))


def _refuse_loss(before: Config, after: Config) -> None:
    """Raise ConfigError if a pattern no longer matches any file: its volume may not be mounted."""
    for pattern, files in after.charger_files.items():
        if before.charger_files.get(pattern) and not files:
            raise ConfigError(
                f"charger_files: {pattern} no longer matches any file: is a volume not mounted? "
                "To remove its chargers, leave a file that holds an empty list, [], or remove the pattern"
            )


def _chargers(config: Config) -> dict[str, tuple[ChargerConfig, AccountConfig]]:
    """Return each charger and the settings of its stream, by id."""
    return {
        charger.id: (charger, account)
        for account, chargers in ((replace(one, chargers=()), one.chargers) for one in config.accounts)
        for charger in chargers
    }
