"""Programs that tests run: their output is in a file, tests wait for conditions, each is stopped by its process id."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypeVar

import requests

T = TypeVar("T")

# Only bounds a failure: a busy machine is slow.
SECONDS = 60.0


# What a test waits for, in words. A callable is called only if the wait fails.
What = str | Callable[[], str]


def open_files() -> int:
    """The number of open files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_until(condition: Callable[[], T], what: What, seconds: float = SECONDS) -> T:
    """Wait for the first true value of `condition`, and return it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, in_vain(what, seconds)
        time.sleep(0.05)
    return value


def in_vain(what: What, seconds: float) -> str:
    """The message of a wait that failed."""
    return f"not within {seconds:g} s: {what if isinstance(what, str) else what()}"


def answer(url: str) -> requests.Response | None:
    """The response to a GET; None while no server listens there."""
    try:
        return requests.get(url, timeout=SECONDS)
    except requests.ConnectionError:
        return None


class Process:
    """A running program; as a context manager it is stopped at the end of the block.

    Let the program bind port 0 and read the port from its output: a port found free beforehand may be taken
    by the time the program binds it.
    """

    def __init__(
        self, *command: str | Path, output: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = Path(command[0]).name
        self.output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def text(self) -> str:
        """The output of the program so far."""
        return self.output.read_text(errors="replace")

    def wait_for_line(self, pattern: str, seconds: float = SECONDS) -> re.Match[str]:
        """Wait for a match of the regular expression `pattern` in the output."""
        return self._wait(lambda: re.search(pattern, self.text(), re.MULTILINE), f"output {pattern!r}", seconds)

    def wait_for_answer(self, url: str, status: int = 200, seconds: float = SECONDS) -> requests.Response:
        """Wait for a response of `url` with this status."""

        def answered() -> list[requests.Response]:
            response = answer(url)  # a Response of an error status is false, so it goes in a list
            return [response] if response is not None and response.status_code == status else []

        return self._wait(answered, f"{status} from {url}", seconds)[0]

    def wait_for_end(self, seconds: float = SECONDS) -> int:
        """Wait until the program has ended by itself; return its exit status."""
        wait_until(lambda: not self.running, f"the end of {self.name}", seconds)
        return self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self, seconds: float = 10.0) -> int:
        """Terminate the program, or kill it after `seconds`; return its exit status."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def _wait(self, condition: Callable[[], T | None], what: str, seconds: float) -> T:
        def condition_while_running() -> T | None:
            running = self.running  # checked first, since output just before the end counts
            value = condition()
            assert value or running, f"{self.name} ended before {what}:\n{self.text()[-2000:]}"
            return value

        value = wait_until(condition_while_running, f"{what} of {self.name}, see {self.output}", seconds)
        assert value
        return value


class RunningServer:
    """A server in a process of its own; as a context manager it is stopped at the end of the block."""

    process: Process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()


class PrometheusServer(RunningServer):
    """Prometheus or Alertmanager, ready, on a free port of loopback."""

    def __init__(self, binary: Path, *flags: str, output: Path) -> None:
        self.process = Process(binary, *flags, "--web.listen-address=127.0.0.1:0", "--log.format=logfmt", output=output)
        self.address = self.process.wait_for_line(r"Listening on.* address=(127[0-9.]+:[1-9][0-9]*)")[1]
        self.url = f"http://{self.address}"
        self.process.wait_for_answer(f"{self.url}/-/ready")
