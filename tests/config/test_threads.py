"""Calls that may hang: nothing waits for them longer than it wants to."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from exporter.config.threads import OneThread, in_thread
from tests.processes import SECONDS

SOON = 0.05


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a call hangs on; opened at the latest when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def running(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


async def test_a_call_gives_its_result_or_raises_its_error() -> None:
    def fail() -> None:
        raise ValueError("as it was")

    assert await in_thread(lambda: 7, "test") == 7
    with pytest.raises(ValueError, match="as it was"):
        await in_thread(fail, "test")
    assert await OneThread("test", SECONDS).run(lambda: 7) == 7
    with pytest.raises(ValueError, match="as it was"):
        await OneThread("test", SECONDS).run(fail)


async def test_the_loop_goes_on_meanwhile(gate: threading.Event) -> None:
    waiting = in_thread(gate.wait, "test")
    gate.set()  # by the loop: were it held up, the call would never end
    assert await asyncio.wait_for(waiting, SECONDS)


async def test_a_system_without_a_thread_to_spare_is_an_error_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="new thread"):
        await in_thread(lambda: 7, "test")


async def test_a_call_that_hangs_is_given_up_and_those_after_it_at_once(gate: threading.Event) -> None:
    thread = OneThread("hanging", SOON)
    with pytest.raises(TimeoutError):
        await thread.run(gate.wait)
    for _ in range(10):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(thread.run(lambda: 7), SECONDS)
    assert running("hanging") == 1


async def test_once_it_hangs_no_more_calls_are_made_again(gate: threading.Event) -> None:
    thread = OneThread("test", SOON)
    with pytest.raises(TimeoutError):
        await thread.run(gate.wait)
    gate.set()

    async def again() -> int:
        while True:
            try:
                return await thread.run(lambda: 7)
            except TimeoutError:
                await asyncio.sleep(SOON)

    assert await asyncio.wait_for(again(), SECONDS) == 7


async def test_calls_are_made_one_at_a_time_and_each_is_made() -> None:
    thread = OneThread("test", SECONDS)
    at_once = most = 0

    def call() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        threading.Event().wait(0.001)
        at_once -= 1

    made: list[Callable[[], None]] = [call] * 20
    await asyncio.gather(*map(thread.run, made))
    assert most == 1


def test_a_process_ends_although_a_call_hangs() -> None:
    program = """
import asyncio, threading
from exporter.config.threads import OneThread

async def main():
    try:
        await OneThread("test", 0.01).run(threading.Event().wait)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert ended.stdout == "given up\n"
