"""Two hundred rounds of a fault leave nothing behind: no open file, no task, no memory."""

import pytest

from tests.chaos import answers
from tests.chaos.faults import connect_failure, disconnection, holds
from tests.chaos.level import Level
from tests.chaos.proxy import Answer
from tests.chaos.scene import Scene
from tests.stream.script import JOINED, opening, scripted

ROUNDS = 200
# Before the first look every cache is filled.
WARM_UP = 20
# A connection that is left behind holds thousands of blocks; the log that the scene keeps grows by a few a round.
MAX_BLOCKS_A_ROUND = 20


async def hold_level(scene: Scene, metric: str) -> None:
    """Lets the fault go on for all its rounds."""
    before = await scene.value(metric)
    await scene.until_counted(metric, before + WARM_UP)
    first = Level.now()
    await scene.until_counted(metric, before + WARM_UP + ROUNDS)
    last = Level.now()
    # One round is under way at either look: a socket and a handful of tasks.
    assert abs(last.files - first.files) <= 4, (first, last)
    assert abs(last.tasks - first.tasks) <= 10, (first, last)
    assert last.blocks - first.blocks < ROUNDS * MAX_BLOCKS_A_ROUND, (first, last)


@holds(connect_failure("Two hundred failed handshakes in a row", "other", "answers 500 to the handshake"))
@pytest.mark.parametrize("answer", [answers.http(500), answers.http(500, b"x" * 5_000_000)], ids=["empty", "large"])
async def test_failed_handshakes_leave_nothing(scene: Scene, answer: Answer) -> None:
    async with scene.suffering():
        scene.proxy.answer = answer
        scene.proxy.cut()
        await scene.noticed()
        await hold_level(scene, scene.fault.metric)
        scene.proxy.answer = None


@holds(disconnection("Two hundred lost connections in a row", "transport"))
async def test_lost_connections_leave_nothing(scene: Scene) -> None:
    scene.transports = ("websocket",)
    async with scene.suffering():
        # What is no UTF-8 is no text: each connection ends with its first event.
        scene.proxy.corrupt = lambda piece: piece.replace(b"chargerConnected", b"\xff" * 16)
        scene.log()
        scene.proxy.cut()
        await scene.noticed()
        await hold_level(scene, scene.fault.metric)
        scene.proxy.corrupt = None
        scene.proxy.cut()


@holds(disconnection("Two hundred goodbyes in a row", "server", "the service closed the stream"))
async def test_goodbyes_leave_nothing(scene: Scene) -> None:
    scene.transports = ("websocket",)
    async with scene.suffering(), scripted([opening(), JOINED, "41"]) as url:
        scene.proxy.upstream_port = int(url.rpartition(":")[2])
        scene.proxy.cut()
        await scene.noticed()
        await hold_level(scene, scene.fault.metric)
        scene.proxy.upstream_port = scene.service.port
