"""A fault of a world. Three files have them: those of charging, of logs and of the network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from tests.charger.worlds.world import World

# In this order: how the charger is used, what happens to sessions, what the register does, what single logs show,
# what other fields say, what the clock says, what happens on the way to the service, and from there to the exporter.
Stage = Literal["plan", "life", "register", "display", "fields", "clock", "link", "stream"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. Two that share a family never occur in one world: a charger has one clock and one register."""

    stage: Stage
    families: tuple[str, ...]
    apply: Callable[[World], None]
