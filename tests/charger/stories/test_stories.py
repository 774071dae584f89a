"""Recordings of chargers, each with its expected result.

To add one: record it, put it here as NAME.jsonl, and write NAME.expected.json by hand from what the
charger truly did. Only its fields are compared.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from exporter.charger.charger import Rules
from exporter.charger.playback import Playback
from exporter.charger.recording import read_events
from exporter.cli.replay import as_json, replay

FOLDER = Path(__file__).parent
STORIES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("story", STORIES)
def test_a_recording_has_the_expected_result(story: str) -> None:
    expected = json.loads((FOLDER / f"{story}.expected.json").read_text())
    with (FOLDER / f"{story}.jsonl").open("rb") as lines:
        (result,) = json.loads(as_json(replay(lines, expected.pop("max_power_watts", 400_000.0))))["chargers"].values()
    rule = expected.pop("rule")
    assert only(result, expected) == expected, rule


@pytest.mark.parametrize("story", STORIES)
def test_the_counter_never_falls_and_equals_the_sum_of_the_sessions(story: str) -> None:
    playback, counted = Playback(Rules()), 0
    with (FOLDER / f"{story}.jsonl").open("rb") as lines:
        for event in read_events(lines):
            playback.play(event)
            (result,) = playback.results().values()
            energy = result.energy_joules or 0
            assert energy >= counted
            counted = energy
            sessions = sum(session.energy_joules for session in result.sessions)
            assert energy == sessions - result.set_aside_joules + result.excess_joules
            assert result.excess_joules >= 0


def only(value: Any, like: Any) -> Any:
    """`value` without the fields of objects that `like` does not have."""
    if isinstance(like, dict) and isinstance(value, dict) and like:
        return {name: only(value.get(name), part) for name, part in like.items()}
    if isinstance(like, list) and isinstance(value, list) and len(value) == len(like):
        return [only(one, part) for one, part in zip(value, like, strict=True)]
    return value
