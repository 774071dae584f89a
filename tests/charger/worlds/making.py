"""Makes worlds by cause: a world can be made again from its name."""

import random
from typing import Final, NamedTuple

from tests.charger.worlds import life
from tests.charger.worlds.causes import EVERY_CAUSE, POWER, SINGLE
from tests.charger.worlds.fault import STAGES, Fault
from tests.charger.worlds.recording import RecordedWorld, record
from tests.charger.worlds.world import World

MIXED: Final = "two to four causes at once"


class WorldName(NamedTuple):
    """The name of a world, from which it is made."""

    seed: str
    cause: str
    number: int

    def __str__(self) -> str:
        return f"{self.seed}/{self.cause}/{self.number}"

    @classmethod
    def read(cls, text: str) -> "WorldName":
        seed, cause, number = text.split("/")
        return cls(seed, cause, int(number))


def make(name: WorldName) -> RecordedWorld:
    """Make the world of this name, and record it."""
    rng = random.Random(str(name))
    faults = _mix(rng) if name.cause == MIXED else EVERY_CAUSE[name.cause].faults
    world = World(rng, life.plan(rng))
    for stage in STAGES:
        if stage == "life":
            world.begin()
        if stage == "register":
            world.write_logs()
        for fault in faults:
            if fault.stage == stage:
                fault.apply(world)
    return record(world)


def _mix(rng: random.Random) -> tuple[Fault, ...]:
    """Two to four faults that one charger can have at once."""
    possible = [cause.faults[0] for cause in (*SINGLE, *POWER) if len(cause.faults) == 1]
    chosen: list[Fault] = []
    count = rng.randint(2, 4)
    while len(chosen) < count:
        fault = rng.choice(possible)
        if not any(set(fault.families) & set(other.families) for other in chosen):
            chosen.append(fault)
    return tuple(chosen)
