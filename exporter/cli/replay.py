"""`vecharge-exporter replay`: plays a recording, and prints totals, sessions and judgements of each charger."""

import json
from collections.abc import Iterable, Mapping

from exporter.charger.charger import Rules
from exporter.charger.clock import rfc3339_if_known
from exporter.charger.energy import kwh_text
from exporter.charger.playback import ChargerResult, Playback
from exporter.charger.recording import read_events
from exporter.charger.sessions import Session
from exporter.cli.columns import aligned


def replay(lines: Iterable[bytes], max_power_watts: float) -> dict[str, ChargerResult]:
    """Play a recording and return the result of each charger; raise RecordingError at a line that is not an event."""
    playback = Playback(Rules(max_power_watts=max_power_watts))
    for event in read_events(lines):
        playback.play(event)
    return playback.results()


def as_json(results: Mapping[str, ChargerResult]) -> str:
    """Return the results as JSON, in one line."""
    chargers = {
        charger_id: {
            "energy_joules": result.energy_joules,
            "excess_joules": result.excess_joules,
            "sessions": [
                {
                    "began": _time(session.began_unix),
                    "ended": _time(session.ended_unix),
                    "energy_joules": session.energy_joules,
                    "certain": session.certain,
                }
                for session in result.sessions
            ],
            "status": result.status,
            "judgements": result.judgements,
            "rejected": result.rejected,
        }
        for charger_id, result in results.items()
    }
    return json.dumps({"chargers": chargers}, ensure_ascii=False)


def as_text(results: Mapping[str, ChargerResult]) -> str:
    """Return the results as text: a block per charger."""
    if not results:
        return "The recording is empty."
    return "\n\n".join("\n".join(_block(charger_id, result)) for charger_id, result in results.items())


def _block(charger_id: str, result: ChargerResult) -> Iterable[str]:
    yield f"charger {charger_id}"
    yield f"  energy      {kwh_text(result.energy_joules):>10} kWh"
    yield f"  excess      {kwh_text(result.excess_joules):>10} kWh"
    yield f"  status      {result.status}"
    yield f"  judgements  {_counts(result.judgements)}"
    yield f"  rejected    {_counts(result.rejected)}"
    yield f"  sessions    {len(result.sessions)}"
    if result.sessions:
        yield from (f"    {line}" for line in _table(result.sessions))


def _table(sessions: tuple[Session, ...]) -> list[str]:
    rows = [("BEGAN", "ENDED", "KWH", "CERTAIN")]
    for session in sessions:
        ended = _time(session.ended_unix) or "-"
        certain = "yes" if session.certain else "no"
        rows.append((_time(session.began_unix) or "-", ended, kwh_text(session.energy_joules), certain))
    return aligned(rows, right={2})


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _time(unix: float | None) -> str | None:
    return rfc3339_if_known(unix, "milliseconds")
