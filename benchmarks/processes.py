"""Processes that execute commands from a pipe: each command and each answer is a line of JSON."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

ROOT: Final = Path(__file__).parents[1]
SECONDS: Final = 120.0
T = TypeVar("T")


class Child:
    """A module of the benchmarks in its own process, for `with`. It ends with its input."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._module = module
        command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
        self._process = subprocess.Popen(  # noqa: S603 - our own modules
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.started = self._answer()

    def ask(self, command: str, **arguments: object) -> Any:
        """The answer to a command."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        # Kill a process that hangs, which closes its pipe.
        limit = threading.Timer(SECONDS, self._process.kill)
        limit.start()
        line = self._process.stdout.readline()
        limit.cancel()
        if not line:
            raise RuntimeError(f"{self._module} ended with status {self._process.wait(SECONDS)}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


async def answer_commands(started: object, subject: object) -> None:
    """Says what has `started`, then does what the lines of the input say: a command is a method of `subject`."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=listen, daemon=True).start()
    _say(started)
    while line := await lines.get():
        arguments = json.loads(line)
        answer = getattr(subject, arguments.pop("command"))(**arguments)
        _say(await answer if asyncio.iscoroutine(answer) else answer)


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int, field: str = "VmRSS") -> int:
    """Resident memory of a process: now, or with VmHWM the most there was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field} of process {pid}")


def wait_until(condition: Callable[[], T], what: str, seconds: float = SECONDS, pause: float = 0.05) -> T:
    """The first true value of `condition`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
    return value
