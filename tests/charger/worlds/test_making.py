"""Worlds are made again from their names, and have the format of recordings."""

import pytest

from exporter.charger.recording import read_events
from tests.charger.worlds.causes import EVERY_CAUSE
from tests.charger.worlds.making import MIXED, WorldName, make


@pytest.mark.parametrize("cause", [*EVERY_CAUSE, MIXED])
def test_a_name_always_makes_the_same_world(cause: str) -> None:
    name = WorldName("7", cause, 3)
    first, again = make(name), make(WorldName.read(str(name)))
    assert first.lines == again.lines
    assert first.truth.joules == again.truth.joules


@pytest.mark.parametrize("cause", EVERY_CAUSE)
def test_a_recording_is_in_order_of_receipt_and_contains_energy(cause: str) -> None:
    recorded = make(WorldName("7", cause, 1))
    times = [event.at for event in read_events(recorded.lines)]
    assert times == sorted(times)
    assert recorded.truth.joules[0] > 0


def test_a_world_without_faults_hides_no_event() -> None:
    truth = make(WorldName("7", "plain", 1)).truth
    assert truth.is_knowable
    assert truth.joules[0] == truth.joules[1]
    assert all(sent.begin_is_known for sent in truth.sent)
