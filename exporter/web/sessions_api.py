"""GET /api/v1/sessions: the list of sessions, newest first, in pages.

It is read from the state file, so it shows what has been committed.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from multidict import MultiMapping

from exporter.daemon_thread import in_daemon_thread
from exporter.metrics.piece import Piece
from exporter.state import session_pages
from exporter.state.period import Period, time_of
from exporter.state.session_pages import START, Cursor, cursor_of
from exporter.state.session_query import as_document
from exporter.state.state_file import as_state_errors, connect, damaged_rows_as_state_errors
from exporter.web.compression import IDENTITY, compressed

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
# The largest number of a session that SQLite can hold.
MAX_NUMBER: Final = 2**63 - 1
# While a disk hangs, clients get an error after this time, and no second thread waits for it.
DEADLINE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class SessionsQuery:
    """The query of a client."""

    charger_ids: tuple[str, ...]
    period: Period
    limit: int
    after: Cursor
    with_totals: bool

    @classmethod
    def parse(cls, parameters: MultiMapping[str], now_unix: float) -> Self:
        """Read the parameters of a URL; raise ValueError that names the invalid one."""
        unknown = set(parameters) - {"charger_id", "since", "until", "limit", "after", "totals"}
        if unknown:
            raise ValueError(f"unknown parameter: {min(unknown)}")
        limit = parameters.get("limit", str(DEFAULT_LIMIT))
        if not re.fullmatch("[0-9]{1,4}", limit) or int(limit) > MAX_LIMIT:
            raise ValueError(f"limit must be a number up to {MAX_LIMIT}")
        return cls(
            tuple(dict.fromkeys(parameters.getall("charger_id", []))),
            Period(_time(parameters, "since", 0.0, now_unix), _time(parameters, "until", Period().until, now_unix)),
            int(limit),
            _cursor(parameters.get("after")),
            parameters.get("totals") == "true",
        )


class SessionsDocument:
    """Answers queries one at a time, in a thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._free = asyncio.Semaphore()

    async def body(self, query: SessionsQuery, encoding: str = IDENTITY) -> list[bytes]:
        """Return the document in a content encoding; raise StateError, or TimeoutError after the deadline."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self._free.acquire()
            reading = in_daemon_thread(partial(self._read, query, encoding))
            reading.add_done_callback(lambda _: self._free.release())
            return await asyncio.shield(reading)

    def _read(self, query: SessionsQuery, encoding: str) -> list[bytes]:
        with (
            as_state_errors(self._file, "read"),
            damaged_rows_as_state_errors(self._file),
            closing(connect(self._file, "ro")) as connection,
        ):
            if query.charger_ids:
                page = session_pages.newest_of(connection, query.charger_ids, query.period, query.limit, query.after)
            else:
                page = session_pages.newest(connection, query.period, query.limit, query.after)
            is_complete = page.is_complete
            document: dict[str, Any] = {"sessions": [as_document(*each) for each in page.sessions]}
            if page.more and page.sessions:
                cursor = cursor_of(*page.sessions[-1])
                document["next"] = f"{cursor.began_unix!r},{cursor.number},{cursor.charger_id}"
            if query.with_totals:
                totals = (
                    session_pages.totals(connection, query.charger_ids, query.period)
                    if query.charger_ids
                    else session_pages.totals_of_all(connection, query.period)
                )
                document["totals"] = {"sessions": totals.sessions, "energy_joules": totals.joules}
                is_complete = is_complete and totals.is_complete
            if not is_complete:
                document["damaged"] = True
        return compressed([Piece(msgspec.json.encode(document))], encoding)


def _time(parameters: Mapping[str, str], name: str, default: float, now_unix: float) -> float:
    if name not in parameters:
        return default
    try:
        return time_of(parameters[name], now_unix)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error


def _cursor(text: str | None) -> Cursor:
    if text is None:
        return START
    problem = "after must be the value of next on the previous page"
    try:
        began_unix, number, charger_id = text.split(",", 2)
        cursor = Cursor(float(began_unix), charger_id, int(number))
    except ValueError as error:
        raise ValueError(problem) from error
    if abs(cursor.number) > MAX_NUMBER:
        raise ValueError(problem)
    return cursor
