"""Change without a restart: read the configuration again, and only if it is valid put it in place of the old one."""

import asyncio
import glob
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from exporter.clock import Moment
from exporter.config import Config
from exporter.errors import ConfigError
from exporter.file_mark import FileMark, mark_of
from exporter.logs import Log
from exporter.process import ExporterProcess

LOOK_SECONDS: Final = 5.0
# A file that is being written keeps changing: it is read once it has held still for so long.
STILL_SECONDS: Final = 1.0

Marks = dict[Path, FileMark | None]


class Reloads:
    """Reads the configuration again when asked, and when a charger file or a token file changes on disk."""

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

    async def reload(self) -> None:
        """Parse, validate, swap. Raises ConfigError, and then nothing has changed."""
        async with self._one_at_a_time:
            try:
                config = await asyncio.to_thread(self._load)
            except ConfigError as error:
                self._process.reload_successful = False
                self._log.error("configuration not reloaded: the one before stays in force", error=str(error))
                raise
            await self._apply(config)
            self._config = config
            self._process.reload_successful = True
            self._process.reload_success_unix = self._clock().unix
            chargers = sum(len(account.chargers) for account in config.accounts)
            self._log.info("configuration reloaded", accounts=len(config.accounts), chargers=chargers)

    async def watch(self, look_seconds: float = LOOK_SECONDS, still_seconds: float = STILL_SECONDS) -> None:
        """Looks at charger files and token files until cancelled."""
        chargers = await self._charger_files()
        tokens = await self._token_files()
        while True:
            await asyncio.sleep(look_seconds)
            new_tokens = await self._token_files()
            for account, mark in new_tokens.items():
                if mark is not None and tokens.get(account) != mark:
                    self._token_changed(account)
            tokens = new_tokens
            now = await self._charger_files()
            if now == chargers:
                continue
            while (later := await _after(still_seconds, self._charger_files)) != now:
                now = later
            chargers = now
            with suppress(ConfigError):  # said in the log; the next change is looked at again
                await self.reload()

    async def _charger_files(self) -> Marks:
        return await asyncio.to_thread(_marks, self._config.charger_file_patterns)

    async def _token_files(self) -> dict[str, FileMark | None]:
        files = {account.name: account.token.file for account in self._config.accounts if account.token.file}
        return await asyncio.to_thread(lambda: {name: mark_of(file) for name, file in files.items()})


async def _after(seconds: float, look: Callable[[], Awaitable[Marks]]) -> Marks:
    await asyncio.sleep(seconds)
    return await look()


def _marks(patterns: Iterable[str]) -> Marks:
    files = {Path(name) for pattern in patterns for name in glob.glob(pattern, recursive=True)}  # noqa: PTH207
    return {file: mark_of(file) for file in sorted(files)}
