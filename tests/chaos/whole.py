"""The long form of tests/chaos, for `make chaos`: about 20 minutes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.stream.socketio_client import prepare_library
from tests.chaos import test_answers, test_messages, test_trust, test_wire
from tests.chaos.fuzz import Fuzz
from tests.chaos.rounds import SIDE_BY_SIDE, repeated, rows
from tests.conftest import or_skip
from tests.node.service import NodeService, modules
from tests.stream.watch import NATIVE

FRAMES = 125_000
# Rules of the service apply to all chargers, and large answers to many chargers at once would be late.
ALONE = (
    test_wire.test_polling_is_used_if_websockets_are_refused,
    test_trust.test_a_refused_token_is_retried,
    test_answers.test_ten_megabytes_are_not_decoded,
    test_answers.test_an_endless_answer_is_not_read_to_its_end,
    test_answers.test_invalid_lengths_are_not_decoded,
    test_messages.test_an_occupied_charger_is_connected_after_it_is_free,
    test_messages.test_a_frame_of_16_megabytes_ends_the_connection,
    test_messages.test_only_a_packet_with_an_endless_number_is_dropped,
    test_messages.test_events_before_the_connection_count,
    test_messages.test_ten_thousand_events_at_once_are_all_counted,
)

globals().update({row.__name__: repeated(row, 1 if row in ALONE else SIDE_BY_SIDE) for row in rows()})


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., NodeService]]:
    """A new server for each row: its answers have all that it has seen, so an old server becomes slow."""
    or_skip(modules)
    prepare_library()
    with ExitStack() as running:
        yield lambda **pings: running.enter_context(NodeService(tmp_path / "node.log", NATIVE, **pings))


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
async def test_half_a_million_fuzzed_frames_are_counted(seed: int) -> None:
    prepare_library()
    await Fuzz(FRAMES, seed).run()
