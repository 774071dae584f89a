"""A call that hangs on a disk delays neither the exit of the process nor the threads that compress pages."""

import asyncio
import subprocess
import sys
import threading

from exporter.daemon_thread import in_daemon_thread
from tests.processes import SECONDS

HANGING = """
import asyncio, threading
from exporter.daemon_thread import in_daemon_thread

async def main():
    started = threading.Event()
    in_daemon_thread(lambda: (started.set(), threading.Event().wait()))
    while not started.is_set():
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_a_call_that_hangs_does_not_delay_the_exit() -> None:
    subprocess.run([sys.executable, "-c", HANGING], check=True, timeout=SECONDS)


async def test_calls_that_hang_leave_the_threads_of_asyncio_free() -> None:
    disk_works = threading.Event()
    calls = [in_daemon_thread(disk_works.wait) for _ in range(50)]
    try:
        assert await asyncio.wait_for(asyncio.to_thread(len, "a page"), SECONDS) == 6
    finally:
        disk_works.set()
        await asyncio.wait_for(asyncio.gather(*calls), SECONDS)
