"""What `vecharge-exporter state` shows of a state file and sets in it."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exporter.charger.charger import KeptState
from exporter.charger.meter import MeterState
from exporter.config.schema import Text
from exporter.errors import StateError
from exporter.state.store import StateStore

JOULES_PER_KWH: Final = 3_600_000


def as_table(kept: Mapping[str, KeptState]) -> str:
    """The totals for people: one line a charger."""
    rows = [("CHARGER", "KWH", "SESSIONS", "LAST LOG")]
    for charger_id, state in sorted(kept.items()):
        meter = state.meter
        rows.append((charger_id, _kwh(meter), str(meter.sessions), _time(meter.last_log_unix) or "-"))
    name, kwh, sessions, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{row[0]:<{name}}  {row[1]:>{kwh}}  {row[2]:>{sessions}}  {row[3]}" for row in rows)


def as_json(kept: Mapping[str, KeptState]) -> str:
    """The totals for programs: a list of objects, null for what is not known."""
    return json.dumps(
        [
            {
                "charger_id": charger_id,
                "energy_kwh": None if state.meter.total_joules is None else state.meter.total_joules / JOULES_PER_KWH,
                "energy_joules": state.meter.total_joules,
                "sessions": state.meter.sessions,
                "last_log": _time(state.meter.last_log_unix),
                "first_seen": _time(state.first_seen_unix),
            }
            for charger_id, state in sorted(kept.items())
        ],
        indent=2,
        ensure_ascii=False,
    )


def set_total(folder: Path, charger_id: str, energy_kwh: float) -> str:
    """Sets the total of a charger and says what it was; raises StateError, above all while an exporter runs."""
    try:
        Text.read(charger_id)
    except ValueError as error:
        raise StateError(f"a charger id {error}") from error
    store = StateStore.open(folder)
    try:
        before = store.load().get(charger_id)
        meter = before.meter if before else MeterState()
        after = meter.with_total(round(energy_kwh * JOULES_PER_KWH))
        store.commit({charger_id: KeptState(after, before.first_seen_unix if before else time.time())})
    finally:
        store.close()
    was = (
        f"was {_kwh(meter)} kWh"
        if meter.total_joules is not None
        else "had no total"
        if before
        else "a charger that was not in the file"
    )
    return f"{charger_id}: {_kwh(after)} kWh ({was})"


def _kwh(meter: MeterState) -> str:
    return "-" if meter.total_joules is None else f"{meter.total_joules / JOULES_PER_KWH:.2f}"


def _time(unix: float | None) -> str | None:
    if unix is None:
        return None
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
