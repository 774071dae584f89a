"""Any frame of a service is counted: no exception escapes, and no undocumented series appears."""

from exporter.stream.socketio_client import prepare_library
from tests.chaos.fuzz import Fuzz

FRAMES = 20_000


async def test_twenty_thousand_fuzzed_frames_are_counted() -> None:
    prepare_library()
    await Fuzz(FRAMES, seed=1).run()
