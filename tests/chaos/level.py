"""The resources of a process, which must be the same before and after many rounds of a fault."""

import asyncio
import gc
import os
import sys
from dataclasses import dataclass

from tests.processes import open_files

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "50"))
# A leaked connection has hundreds of blocks. The log of a scene grows by a few per round.
MAX_BLOCKS_PER_ROUND = 50


@dataclass(frozen=True, slots=True)
class Level:
    """Open files, tasks, and blocks of memory that Python has allocated (exact, where resident memory is not)."""

    files: int
    tasks: int
    blocks: int

    @classmethod
    def now(cls) -> "Level":
        gc.collect()
        return cls(open_files(), len(asyncio.all_tasks()), sys.getallocatedblocks())

    def holds_as_much_as(self, first: "Level", files: int = 0, tasks: int = 0) -> bool:
        """Whether nothing has leaked since `first`, except for this number of files and tasks in use."""
        return (
            abs(self.files - first.files) <= files
            and abs(self.tasks - first.tasks) <= tasks
            and self.blocks - first.blocks < ROUNDS * MAX_BLOCKS_PER_ROUND
        )
