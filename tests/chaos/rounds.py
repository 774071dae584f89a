"""The tests of the rows, repeated many times each, so that leaks add up."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from tests.chaos import test_answers, test_machine, test_messages, test_trust, test_wire
from tests.chaos.level import ROUNDS, Level
from tests.chaos.scene import Scene, staged
from tests.stream.watch import until

Test = Callable[..., Coroutine[Any, Any, None]]

SIDE_BY_SIDE = 10
# Generous: on a machine that is busy with other things, a round may take a second.
ROUNDS_SECONDS = 300.0


def rows() -> Iterator[Test]:
    """The tests of all rows that need only a scene."""
    for module in (test_wire, test_answers, test_trust, test_messages, test_machine):
        yield from (
            test for name, test in vars(module).items() if name.startswith("test_") and iscoroutinefunction(test)
        )


def lasting(test: Test) -> Test:
    """The test of a row whose fault repeats by itself, for many rounds."""

    @wraps(test)
    async def lasts(scene: Scene, **given: Any) -> None:
        scene.meanwhile = hold_level
        await test(scene=scene, **given)

    return lasts


async def hold_level(scene: Scene) -> None:
    """Wait for all rounds of a fault. Before the first measurement every cache is filled."""
    warm = await scene.counted(scene.fault.metric) + ROUNDS / 10
    await scene.until_counted(scene.fault.metric, warm, ROUNDS_SECONDS)
    first = Level.now()
    await scene.until_counted(scene.fault.metric, warm + ROUNDS, ROUNDS_SECONDS)
    last = Level.now()
    # At both measurements a round or two are running: a few sockets and tasks.
    assert last.holds_as_much_as(first, files=10, tasks=10), (first, last)


def repeated(test: Test, side_by_side: int = SIDE_BY_SIDE) -> Test:
    """The whole test of a row many times, with `side_by_side` chargers at once, each with its own proxy."""

    @wraps(test)
    async def rounds(scene: Scene, **given: Any) -> None:
        async with AsyncExitStack() as stack:
            scenes = [scene]
            for number in range(1, side_by_side):
                name, folder = f"{scene.charger} {number}", scene.folder / f"{number}"
                scenes.append(await stack.enter_async_context(staged(scene.service, scene.fault, name, folder)))

            async def round_of_each() -> None:
                async with asyncio.TaskGroup() as group:
                    for one in scenes:
                        group.create_task(test(scene=one, **given))

            await round_of_each()  # every cache is filled
            first = Level.now()
            for _ in range(ROUNDS // side_by_side):
                await round_of_each()
            # A charger may have reconnected over polling instead of a websocket. In the end nothing is left.
            few = {"files": ROUNDS // 2, "tasks": ROUNDS // 2}
            await until(lambda: Level.now().holds_as_much_as(first, **few), lambda: f"{first} again: {Level.now()}")

    return rounds
