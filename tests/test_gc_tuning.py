"""Garbage collections are rare, and do not traverse permanent objects."""

import gc
from collections.abc import Iterator

import pytest

from exporter.gc_tuning import collect_rarely, keep_present_objects


@pytest.fixture
def full_collections() -> Iterator[list[int]]:
    """A list with the number of objects freed by each full collection. Restores the settings afterwards."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            seen.append(info["collected"])

    before = gc.get_threshold()
    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)
    gc.set_threshold(*before)
    gc.unfreeze()


def test_a_fleet_of_3_000_connects_without_a_full_collection(full_collections: list[int]) -> None:
    collect_rarely()
    keep_present_objects()
    full_collections.clear()
    connections = [[[object()] for _ in range(110)] for _ in range(3_000)]
    assert len(connections) == 3_000
    assert full_collections == []


def test_garbage_is_collected_eventually(full_collections: list[int]) -> None:
    collect_rarely()
    keep_present_objects()
    full_collections.clear()
    for _ in range(20):
        # Old by the time it is dropped, so that only a full collection finds it.
        ring: list[object] = []
        ring.append(ring)
        others = [[object()] for _ in range(60_000)]
        assert len(others) == 60_000
        del ring
    assert any(full_collections)


@pytest.mark.usefixtures("full_collections")
def test_permanent_objects_are_not_traversed() -> None:
    stays = [[object()] for _ in range(1_000)]
    keep_present_objects()
    walked = {id(one) for one in gc.get_objects()}
    assert not walked & {id(one) for one in stays}
