"""What `vecharge-exporter replay` makes of a recording: totals, sessions and judgements, per charger."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from exporter.charger.charger import Rules
from exporter.charger.playback import Outcome, Playback
from exporter.charger.recording import read_events
from exporter.charger.sessions import Session

JOULES_PER_KWH: Final = 3_600_000


def replay(lines: Iterable[bytes], max_power_watts: float) -> dict[str, Outcome]:
    """Play a recording and return what becomes of each charger; raise RecordingError at a line that is not an event."""
    playback = Playback(Rules(max_power_watts=max_power_watts))
    for event in read_events(lines):
        playback.play(event)
    return playback.outcomes()


def as_json(outcomes: Mapping[str, Outcome]) -> str:
    """Return the outcomes for programs, in one line."""
    chargers = {
        charger_id: {
            "energy_joules": outcome.energy_joules,
            "excess_joules": outcome.excess_joules,
            "sessions": [
                {
                    "began": _time(session.began_unix),
                    "ended": _time(session.ended_unix),
                    "energy_joules": session.energy_joules,
                    "certain": session.certain,
                }
                for session in outcome.sessions
            ],
            "status": outcome.status,
            "judgements": outcome.judgements,
            "rejected": outcome.rejected,
        }
        for charger_id, outcome in outcomes.items()
    }
    return json.dumps({"chargers": chargers}, ensure_ascii=False)


def as_text(outcomes: Mapping[str, Outcome]) -> str:
    """Return the outcomes for people: a block per charger."""
    if not outcomes:
        return "The recording is empty."
    return "\n\n".join("\n".join(_block(charger_id, outcome)) for charger_id, outcome in outcomes.items())


def _block(charger_id: str, outcome: Outcome) -> Iterable[str]:
    yield f"charger {charger_id}"
    yield f"  energy      {_kwh(outcome.energy_joules):>10} kWh"
    yield f"  excess      {_kwh(outcome.excess_joules):>10} kWh"
    yield f"  status      {outcome.status}"
    yield f"  judgements  {_counts(outcome.judgements)}"
    yield f"  rejected    {_counts(outcome.rejected)}"
    yield f"  sessions    {len(outcome.sessions)}"
    if outcome.sessions:
        yield from _table(outcome.sessions)


def _table(sessions: tuple[Session, ...]) -> Iterable[str]:
    rows = [("BEGAN", "ENDED", "KWH", "CERTAIN")]
    for session in sessions:
        ended = _time(session.ended_unix) or "-"
        certain = "yes" if session.certain else "no"
        rows.append((_time(session.began_unix) or "-", ended, _kwh(session.energy_joules), certain))
    began, ended_width, kwh, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    for row in rows:
        yield f"    {row[0]:<{began}}  {row[1]:<{ended_width}}  {row[2]:>{kwh}}  {row[3]}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _kwh(joules: int | None) -> str:
    return "-" if joules is None else f"{joules / JOULES_PER_KWH:.2f}"


def _time(unix: float | None) -> str | None:
    if unix is None:
        return None
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
