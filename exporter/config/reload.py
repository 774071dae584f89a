"""Change without a restart: read the configuration again, and only if it is valid put it in place of the old one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from exporter.charger.clock import Moment
from exporter.charger.process_stats import ExporterProcess
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.threads import OneThread
from exporter.errors import ConfigError, cause_of
from exporter.logs import Log, where

LOOK_SECONDS: Final = 5.0
# A file that is being written keeps changing: it is read once it has held still for so long,
STILL_SECONDS: Final = 1.0
# or has kept changing for so long. What is then read half-written is hardly valid; if it is, the next look mends it.
MAX_CHANGING_SECONDS: Final = 10.0
# Ten thousand chargers take a second or two; a volume whose server is gone takes for ever.
LOAD_SECONDS: Final = 30.0


class Reloads:
    """Reads the configuration again when asked, and when a file that belongs to it changes on disk."""

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        apply: Callable[[Config], Awaitable[None]],
        token_changed: Callable[[str], None],
        process: ExporterProcess,
        clock: Callable[[], Moment],
        log: Log,
        load_seconds: float = LOAD_SECONDS,
    ) -> None:
        self._config = config
        self._load = load
        self._apply = apply
        self._token_changed = token_changed
        self._process = process
        self._clock = clock
        self._log = log
        self._load_seconds = load_seconds
        self._one_at_a_time = asyncio.Lock()
        self._files = OneThread("configuration", load_seconds)
        self._token_files = OneThread("token files", load_seconds)
        # What the log says of the last reload, if that has failed.
        self._failure: str | None = None

    async def reload(self) -> None:
        """Parse, validate, swap. Raises ConfigError, and then nothing has changed."""
        await self._reload(is_asked_for=True)

    async def watch(
        self,
        look_seconds: float = LOOK_SECONDS,
        still_seconds: float = STILL_SECONDS,
        max_changing_seconds: float = MAX_CHANGING_SECONDS,
    ) -> None:
        """Until cancelled, reloads when a charger file or an authority has changed, and again while that fails."""
        while True:
            await asyncio.sleep(look_seconds)
            if await self._is_due(still_seconds, max_changing_seconds):
                with suppress(ConfigError):  # said in the log
                    await self._reload(is_asked_for=False)

    async def watch_tokens(self, look_seconds: float = LOOK_SECONDS) -> None:
        """Until cancelled, tells of each account whose token file has changed."""
        seen = self._config.token_marks
        failures = 0
        while True:
            await asyncio.sleep(look_seconds)
            config = self._config
            try:
                now = await self._token_files.run(config.look_at_tokens)
            except Exception as error:
                failures += 1
                if failures.bit_count() == 1:
                    self._log.warning("cannot look at the token files", error=cause_of(error), times=failures)
                continue
            failures = 0
            for account in config.accounts:
                file = account.token.file
                if file is not None and now[file] not in (None, seen.get(file)):
                    self._token_changed(account.name)
            seen = now

    async def _is_due(self, still_seconds: float, max_changing_seconds: float) -> bool:
        """Whether there is something to read; if so, it has been waited for to hold still."""
        try:
            now = await self._files.run(self._config.look)
            if now == self._config.marks and self._process.reload_successful:
                return False
            async with asyncio.timeout(max_changing_seconds):
                while True:
                    await asyncio.sleep(still_seconds)
                    before, now = now, await self._files.run(self._config.look)
                    if now == before:
                        return True
        except Exception:
            # It does not hold still, or cannot be looked at: reading it, one finds out why.
            return True

    async def _reload(self, *, is_asked_for: bool) -> None:
        async with self._one_at_a_time:
            before = self._config
            try:
                await self._swap()
            except ConfigError as error:
                self._process.reload_successful = False
                # What nobody has asked for fails again at every look, and is told once.
                if is_asked_for or self._failure != str(error):
                    self._log.error("configuration not reloaded: the one before stays in force", error=str(error))
                self._failure = str(error)
                raise
            self._failure = None
            self._process.reload_successful = True
            self._process.reload_success_unix = self._clock().unix
            self._tell_changes(before)

    async def _swap(self) -> None:
        try:
            config = await self._files.run(self._load)
            _refuse_loss(self._config, config)
            await self._apply(config)
        except ConfigError:
            raise
        except TimeoutError as error:
            raise ConfigError(
                f"the configuration cannot be read within {self._load_seconds:g} s: look at the volumes that it lies on"
            ) from error
        except Exception as error:
            raise ConfigError(f"unexpected failure ({cause_of(error)} at {where(error)})") from error
        self._config = config

    def _tell_changes(self, config_before: Config) -> None:
        before, now = _chargers(config_before), _chargers(self._config)
        self._log.info(
            "configuration reloaded",
            accounts=len(self._config.accounts),
            chargers=len(now),
            added=len(now.keys() - before.keys()),
            removed=len(before.keys() - now.keys()),
            changed=sum(now[charger_id] != before[charger_id] for charger_id in now.keys() & before.keys()),
        )


def _refuse_loss(before: Config, after: Config) -> None:
    """A pattern that matches nothing any more looks just like a volume that is not mounted."""
    for pattern, files in after.charger_files.items():
        if before.charger_files.get(pattern) and not files:
            raise ConfigError(
                f"charger_files: {pattern} matches no file any more: is a volume not mounted? To let its chargers go, "
                "leave a file that holds an empty list, [], or take the pattern out"
            )


def _chargers(config: Config) -> dict[str, tuple[ChargerConfig, AccountConfig]]:
    """Each charger and all that its stream is made from, by id."""
    return {
        charger.id: (charger, account)
        for account, chargers in ((replace(one, chargers=()), one.chargers) for one in config.accounts)
        for charger in chargers
    }
