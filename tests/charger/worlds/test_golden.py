"""The results of some worlds, line by line: a change of the meter shows the worlds in which it decides differently.

`make worlds` shows whether that is better. `make golden` regenerates them.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from exporter.charger.playback import ChargerResult
from tests.charger.worlds.causes import EVERY_CAUSE
from tests.charger.worlds.judge import play
from tests.charger.worlds.making import MIXED, WorldName, make
from tests.charger.worlds.truth import KWH

SEED = "golden"
WORLDS = 4
MIXED_WORLDS = 40


@pytest.mark.parametrize("cause", [*EVERY_CAUSE, MIXED])
def test_worlds_have_the_results_of_their_golden_files(golden: Callable[[str, str], None], cause: str) -> None:
    numbers = range(MIXED_WORLDS if cause == MIXED else WORLDS)
    text = "".join(story(WorldName(SEED, cause, number)) for number in numbers)
    golden(f"worlds/{re.sub(r'[^a-z0-9]+', '-', cause.lower())}.txt", text)


def story(name: WorldName) -> str:
    """The result of one world, beside the truth."""
    recorded = make(name)
    result = play(recorded)
    least, most = (joules / KWH for joules in recorded.truth.joules)
    lines = [
        f"{name}: {(result.energy_joules or 0) / KWH:.2f} kWh, true {least:.2f} to {most:.2f}",
        f"  {result.status}, excess {result.excess_joules / KWH:.2f}, set aside {result.set_aside_joules / KWH:.2f}",
        f"  judged {_counts(result.judgements)}; rejected {_counts(result.rejected)}",
    ]
    return "\n".join([*lines, *_sessions(result), ""])


def _sessions(result: ChargerResult) -> list[str]:
    return [
        f"  {session.number}: {session.energy_joules / KWH:.2f} kWh, "
        f"{_time(session.began_unix)} by {session.began_by} to {_time(session.ended_unix)} by {session.ended_by}, "
        f"peak {session.peak_watts or 0:.0f} W, {'certain' if session.certain else 'not certain'}"
        for session in result.sessions
    ]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"


def _time(unix: float | None) -> str:
    return "-" if unix is None else datetime.fromtimestamp(unix, UTC).strftime("%d %H:%M:%S")
