"""Three and fifty chargers on a small machine, over TLS: 64 MB of memory, no swap, a tenth of a core or a whole one.

    python -m benchmarks.small_machine .venv-demo/bin/vecharge-exporter

Prints the table of docs/scaling.md. Needs root, and control groups of version 1. The command must be from an
environment without the packages for development: structlog would import one of them.
"""

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import click

from benchmarks import certificate
from benchmarks.client import Client
from benchmarks.live import exporter
from benchmarks.processes import Child, cpu_seconds, memory_bytes, wait_until
from benchmarks.report import line, machine
from benchmarks.rows import quantity

MEMORY_BYTES: Final = 64 << 20
CPU_PERIOD_US: Final = 100_000
SCRAPE_SECONDS: Final = 15.0
SCRAPES: Final = 4
# Chargers, and cores.
CASES: Final = ((3, 0.1), (50, 0.1), (3, 1), (50, 1))
# Begins the command in the first three arguments, which are groups.
_ENTER: Final = 'for group in "$1" "$2" "$3"; do echo $$ > "$group/cgroup.procs"; done; shift 3; exec "$@"'


class ControlGroup:
    """A control group with limits, for `with`. Processes in it must have ended before it does."""

    def __init__(self, cores: float) -> None:
        self._cores = cores
        root = Path("/sys/fs/cgroup")
        self._memory, self._cpu, self._usage = (root / kind / "small-machine" for kind in ("memory", "cpu", "cpuacct"))

    def __enter__(self) -> Self:
        for folder in self._folders:
            folder.mkdir(exist_ok=True)
        (self._memory / "memory.limit_in_bytes").write_text(str(MEMORY_BYTES))
        with_swap = self._memory / "memory.memsw.limit_in_bytes"
        if with_swap.exists():  # else there is no swap, or it is not counted
            with_swap.write_text(str(MEMORY_BYTES))
        (self._cpu / "cpu.cfs_period_us").write_text(str(CPU_PERIOD_US))
        (self._cpu / "cpu.cfs_quota_us").write_text(str(round(self._cores * CPU_PERIOD_US)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in self._folders:
            if folder.exists():  # cpu and cpuacct may be the same
                folder.rmdir()

    @property
    def _folders(self) -> tuple[Path, Path, Path]:
        return self._memory, self._cpu, self._usage

    def command(self, command: Path) -> list[str]:
        """Return the command that runs another one in this group."""
        return ["sh", "-c", _ENTER, "sh", *map(str, self._folders), str(command)]

    @property
    def cpu_seconds(self) -> float:
        """The CPU time of its processes."""
        return int((self._usage / "cpuacct.usage").read_text()) / 1e9

    @property
    def most_memory(self) -> int:
        """The most memory that it had, in bytes, cached files included."""
        return int((self._memory / "memory.max_usage_in_bytes").read_text())


def measure(command: Path, chargers: int, cores: float) -> dict[str, str]:
    """Return the figures of one case."""
    client = Client()
    with ExitStack() as stack:
        tls = stack.enter_context(certificate.issued())
        service = stack.enter_context(Child("service", chargers, tls.certificate, tls.key))
        group = stack.enter_context(ControlGroup(cores))
        running = stack.enter_context(exporter(service.started, tls.authority, group.command(command)))
        client.get(running.port)
        first_page, first_cpu = time.monotonic() - running.began, group.cpu_seconds
        wait_until(lambda: service.ask("connected") == chargers, "all streams connected")
        connected = time.monotonic() - running.began
        scrapes = []
        cpu, since = cpu_seconds(running.pid), time.monotonic()
        for number in range(1, SCRAPES + 1):
            time.sleep(max(0.0, since + number * SCRAPE_SECONDS - time.monotonic()))
            page = client.get(running.port)
            assert page.body.count(b"\nvecharge_charger_up{") == chargers
            scrapes.append(page.seconds)
        share = 100 * (cpu_seconds(running.pid) - cpu) / (time.monotonic() - since)
        resident = memory_bytes(running.pid, "VmHWM")
        return {
            "from the start to the first page": quantity(first_page, "s"),
            "CPU until then": quantity(first_cpu, "s"),
            "all streams connected after": quantity(connected, "s"),
            f"longest of {SCRAPES} scrapes": quantity(max(scrapes) * 1e3, "ms"),
            "CPU after the start": f"{share:.2f} % of a core",
            "largest memory of the group, cached files included": quantity(group.most_memory / 1e6, "MB"),
            "largest resident memory, shared libraries included": quantity(resident / 1e6, "MB"),
        }


@click.command()
@click.argument("command", type=click.Path(exists=True, path_type=Path))
def main(command: Path) -> None:
    """Measure all cases and print the table."""
    measured = {f"{chargers} chargers, {cores} core": measure(command, chargers, cores) for chargers, cores in CASES}
    click.echo(line(("", *measured)))
    click.echo(line(("---", *("---" for _ in measured))))
    for figure in next(iter(measured.values())):
        click.echo(line((figure, *(each[figure] for each in measured.values()))))
    click.echo(f"\nOn {machine()}")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.small_machine")
