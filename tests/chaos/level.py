"""What a process holds: to be the same after two hundred rounds of a fault as before."""

import asyncio
import gc
import os
import sys
from dataclasses import dataclass

ROUNDS = 200
# What is left behind of a connection are hundreds of blocks; the log that a scene keeps grows by a few a round.
MAX_BLOCKS_A_ROUND = 50


@dataclass(frozen=True, slots=True)
class Level:
    """Open files, tasks, and blocks of memory that Python has allocated (exact, where resident memory is not)."""

    files: int
    tasks: int
    blocks: int

    @classmethod
    def now(cls) -> "Level":
        gc.collect()
        files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - links of sockets, not paths
        return cls(files, len(asyncio.all_tasks()), sys.getallocatedblocks())

    def holds_as_much_as(self, first: "Level", files: int = 0, tasks: int = 0) -> bool:
        """Whether nothing has been left since `first` but so many files and tasks, which are under way."""
        return (
            abs(self.files - first.files) <= files
            and abs(self.tasks - first.tasks) <= tasks
            and self.blocks - first.blocks < ROUNDS * MAX_BLOCKS_A_ROUND
        )
