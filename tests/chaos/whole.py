"""The long form of what tests/chaos holds, for `make chaos`: a few minutes."""

import pytest

from exporter.client import prepare_library
from tests.chaos.fuzz import Fuzz

FRAMES = 125_000


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
async def test_half_a_million_fuzzed_frames_end_in_counts(seed: int) -> None:
    prepare_library()
    await Fuzz(FRAMES, seed).run()
