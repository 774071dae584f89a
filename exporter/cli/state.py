"""The command `state`: shows and changes the totals of a state file."""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click

from exporter.charger.charger import KeptState
from exporter.charger.clock import rfc3339, rfc3339_if_known
from exporter.charger.energy import JOULES_PER_KWH, kwh_text
from exporter.charger.meter_state import MeterState
from exporter.cli.columns import aligned
from exporter.config.schema import Text
from exporter.errors import StateError
from exporter.state import state_file
from exporter.state.state_file import STATE_FILE, exists, read
from exporter.state.store import StateStore


def as_table(kept: Mapping[str, KeptState]) -> str:
    """Return the totals as a table: one line per charger."""
    rows = [("CHARGER", "KWH", "SESSIONS", "LAST LOG")]
    for charger_id, state in sorted(kept.items()):
        meter = state.meter
        rows.append(
            (
                charger_id,
                kwh_text(meter.total_joules),
                str(meter.sessions),
                rfc3339_if_known(meter.last_log_unix, "seconds") or "-",
            )
        )
    return "\n".join(aligned(rows, right={1, 2}))


def as_json(kept: Mapping[str, KeptState]) -> str:
    """Return the totals as JSON: a list of objects; unknown values are null."""
    return json.dumps(
        [
            {
                "charger_id": charger_id,
                "energy_kwh": None if state.meter.total_joules is None else state.meter.total_joules / JOULES_PER_KWH,
                "energy_joules": state.meter.total_joules,
                "sessions": state.meter.sessions,
                "last_log": rfc3339_if_known(state.meter.last_log_unix, "seconds"),
                "first_seen": rfc3339(state.first_seen_unix, "seconds"),
            }
            for charger_id, state in sorted(kept.items())
        ],
        indent=2,
        ensure_ascii=False,
    )


def set_total(folder: Path, charger_id: str, energy_kwh: float, *, may_add: bool) -> str:
    """Set the total of a charger, with a warning if it falls; raise StateError, also while an exporter runs."""
    try:
        Text.read(charger_id)
    except ValueError as error:
        raise StateError(f"a charger id {error}") from error
    file = folder / STATE_FILE
    if not may_add and not (exists(file) and charger_id in read(folder)):
        raise StateError(
            f'charger not found: "{charger_id}" is not in {file}; check the id, name the configuration that has it '
            "with --config.file, or add it with --new"
        )
    with closing(StateStore.open(folder)) as store:
        before = store.load().get(charger_id)
        meter = before.meter if before else MeterState()
        after = meter.with_total(round(energy_kwh * JOULES_PER_KWH))
        store.commit({charger_id: KeptState(after, before.first_seen_unix if before else time.time())})
    old, new = kwh_text(meter.total_joules), kwh_text(after.total_joules)
    if (meter.total_joules or 0) > (after.total_joules or 0):
        click.echo(
            f"vecharge-exporter: warning: {new} kWh is below the old total, {old} kWh: Prometheus treats this as a "
            f"counter reset, so increase() counts {new} kWh again",
            err=True,
        )
    was = "new" if before is None else f"was {old} kWh" if meter.total_joules is not None else "had no total"
    return f"{charger_id}: {new} kWh ({was})"


def forget(folder: Path, charger_id: str) -> str:
    """Delete a charger; raise StateError, also while an exporter runs."""
    if charger_id not in read(folder):
        raise StateError(f'charger not found: "{charger_id}" is not in {folder / STATE_FILE}; check the id')
    with closing(StateStore.open(folder)) as store:
        before = store.load()[charger_id]
        store.forget(charger_id)
    return f"{charger_id}: forgotten (was {kwh_text(before.meter.total_joules)} kWh)"


def backup(folder: Path, file: Path) -> str:
    """Copy the state file, also while an exporter runs; raise StateError."""
    if file.exists():
        raise StateError(f"{file} exists already: remove it, or name another file")
    state_file.copy(folder / STATE_FILE, file)
    return f"{file}: {file.stat().st_size} bytes"
