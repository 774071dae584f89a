"""`vecharge-exporter sessions`: prints the sessions of each charger, and how they add up to its counter."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from exporter.charger.clock import rfc3339, rfc3339_if_known
from exporter.charger.energy import kwh_text
from exporter.charger.sessions import Session
from exporter.errors import StateError
from exporter.state import session_query
from exporter.state.period import ALL_TIME, Period
from exporter.state.schema_versions import schema_version
from exporter.state.session_query import FIELDS, ChargerSessions, as_document
from exporter.state.state_file import STATE_FILE, open_to_read

# How many damaged chargers or days an error names.
NAMED: Final = 5
_LAYOUT: Final = "{:<24}  {:>6}  {:<20}  {:<20}  {:>9}  {:>7}  {:<8}  {:<8}  {}\n"


def print_sessions(
    folder: Path, charger_ids: Sequence[str], period: Period, form: str, write: Callable[[str], object]
) -> None:
    """Print the sessions of these chargers, or of all. Then raise StateError if some are damaged.

    One charger is in memory at a time.
    """
    damaged: list[str] = []
    days: list[int] = []

    def read() -> Iterator[ChargerSessions]:
        for charger_id in charger_ids or session_query.charger_ids(connection):
            found = session_query.of_charger(connection, charger_id, period)
            if found is None:
                raise StateError(f'charger not found in the state file: "{charger_id}"')
            if found.unreadable or not found.agrees:
                damaged.append(charger_id)
            yield found

    with open_to_read(folder / STATE_FILE) as connection:
        if schema_version(connection) == 1:
            raise StateError(
                f"the state file {folder / STATE_FILE} was written by an exporter that kept no list of sessions: start "
                "this version of the exporter once, which adds the list"
            )
        for text in _FORMS[form](read()):
            write(text)
        # The sessions of all time have been compared with the counters.
        if period != ALL_TIME:
            days = session_query.damaged_days(connection, period)
    if damaged or days:
        where = [f"of {_some_of(damaged)}"] if damaged else []
        where += [f"of the day {_some_of([session_query.as_day(day) for day in days])} (UTC)"] if days else []
        raise StateError(
            f"the list of sessions in {folder / STATE_FILE} is damaged: sessions are missing or cannot be read, "
            f"{' and '.join(where)}; all others are printed, and a backup may have these"
        )


def _some_of(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _table(lists: Iterable[ChargerSessions]) -> Iterator[str]:
    yield _LAYOUT.format("CHARGER", "NUMBER", "BEGAN", "ENDED", "KWH", "PEAK W", "BEGAN BY", "ENDED BY", "CERTAIN")
    blank_line = ""
    for found in lists:
        rows = "".join(_row(found.charger_id, session) for session in found.sessions)
        yield f"{blank_line}{rows}{found.charger_id}: {_sum(found)}\n"
        blank_line = "\n"


def _row(charger_id: str, session: Session) -> str:
    return _LAYOUT.format(
        charger_id,
        session.number,
        rfc3339(session.began_unix, "seconds"),
        rfc3339_if_known(session.ended_unix, "seconds") or "-",
        kwh_text(session.energy_joules),
        "-" if session.peak_watts is None else f"{session.peak_watts:.0f}",
        session.began_by,
        session.ended_by or "-",
        "yes" if session.certain else "no",
    )


def _sum(found: ChargerSessions) -> str:
    """Return the sum of the sessions. If these are all, add the terms between the sum and the counter."""
    count = len(found.sessions)
    text = f"{count} session{'' if count == 1 else 's'}, {kwh_text(found.joules)} kWh"
    if not found.is_all_time:
        return text
    meter = found.state.meter
    terms = (
        ("+", meter.start_joules, "start"),
        ("-", meter.set_aside_joules, "set aside"),
        ("+", meter.excess_joules, "excess"),
    )
    adjustments = "".join(f" {sign} {kwh_text(joules)} {name}" for sign, joules, name in terms if joules)
    if adjustments:
        text += f"{adjustments} = {kwh_text(found.expected_joules)} kWh"
    return f"{text}; counter {kwh_text(meter.total_joules or 0)} kWh"


def _csv(lists: Iterable[ChargerSessions]) -> Iterator[str]:
    yield ",".join(FIELDS) + "\n"
    for found in lists:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for session in found.sessions:
            document = as_document(found.charger_id, session)
            # As in JSON.
            writer.writerow((document | {"certain": json.dumps(session.certain)}).values())
        yield text.getvalue()


def _json(lists: Iterable[ChargerSessions]) -> Iterator[str]:
    """Yield one document: the sessions, a line each, and then the sums of the chargers."""
    sums = []
    separator = ""
    yield '{"sessions": [\n'
    for found in lists:
        documents = (as_document(found.charger_id, session) for session in found.sessions)
        rows = ",\n".join(json.dumps(each, ensure_ascii=False) for each in documents)
        if rows:
            yield separator + rows
            separator = ",\n"
        sums.append(json.dumps(_sums(found), ensure_ascii=False))
    yield '\n], "chargers": [\n'
    yield ",\n".join(sums)
    yield "\n]}\n"


def _sums(found: ChargerSessions) -> dict[str, Any]:
    sums: dict[str, Any] = {
        "charger_id": found.charger_id,
        "sessions": len(found.sessions),
        "sum_joules": found.joules,
    }
    if found.is_all_time:
        meter = found.state.meter
        sums |= {
            "start_joules": meter.start_joules,
            "set_aside_joules": meter.set_aside_joules,
            "excess_joules": meter.excess_joules,
            "counter_joules": meter.total_joules,
            "agrees": found.agrees,
        }
    return sums


_FORMS: Final[dict[str, Callable[[Iterable[ChargerSessions]], Iterator[str]]]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
}
