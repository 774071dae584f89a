"""The rows of a fleet that lives: the whole exporter, its state on disk, against the simulator."""

import re
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import yaml

from benchmarks import certificate
from benchmarks.client import Client
from benchmarks.processes import Child, cpu_seconds, memory_bytes, wait_until
from benchmarks.rows import ROUNDS, Row, quantity

SCRAPE_SECONDS: Final = 5.0
JOULES_PER_HUNDREDTH: Final = 36_000  # of a kWh
LONGEST_SECONDS: Final = 300.0  # on a machine that is busy with other things
COMMAND: Final = Path(sys.executable).with_name("vecharge-exporter")


@dataclass(frozen=True, slots=True)
class Running:
    """An exporter in a process of its own."""

    pid: int
    port: int
    began: float


def measure(chargers: int, seconds: float, *, encrypted: bool) -> Iterator[Row]:
    """All rows of the live fleet, which is watched for so long."""
    client = Client()
    with ExitStack() as stack:
        tls = stack.enter_context(certificate.issued()) if encrypted else None
        service = stack.enter_context(Child("service", chargers, *([tls.certificate, tls.key] if tls else [])))
        authority = tls.authority if tls else None
        alone = _memory_with_one(service, client, authority)
        running = stack.enter_context(exporter(service.started, authority))
        wait_until(lambda: service.ask("connected") == chargers, "all streams connected", LONGEST_SECONDS)
        took = time.monotonic() - running.began
        yield Row(f"start: {chargers:,} streams connected", quantity(took, "s"), took, 20.0, "at most", "s")
        yield from _steady(service, running, client, chargers, seconds)
        grown = (memory_bytes(running.pid) - alone) / (chargers - 1) / 1024
        case = "memory per live charger, everything included"
        yield Row(case, quantity(grown, "KB"), grown, 60.0 if encrypted else 35.0, "at most", "KB")
        yield from _restart(service, chargers)
        memory = memory_bytes(running.pid, "VmHWM") / 1e6
        case = f"{chargers:,} live streams, before and after that: memory, the most there was"
        yield Row(case, quantity(memory, "MB"), memory, 380.0, "at most", "MB")


def startup() -> Iterator[Row]:
    """How long the command takes to say its version."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        said = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        seconds.append(time.perf_counter() - began)
        assert said.stdout.startswith("vecharge-exporter, version ")
    took = median(seconds)
    yield Row("start-up: `vecharge-exporter --version`", quantity(took, "s"), took, 0.4, "at most", "s")


def _memory_with_one(service: Child, client: Client, authority: Path | None) -> int:
    """Resident memory of an exporter that watches one charger and has been scraped."""
    first = {**service.started, "chargers": service.started["chargers"][:1]}
    with exporter(first, authority) as running:
        wait_until(lambda: service.ask("connected") == 1, "one stream connected")
        client.get(running.port)
        memory = memory_bytes(running.pid)
    wait_until(lambda: service.ask("connected") == 0, "it is gone")
    return memory


@contextmanager
def exporter(
    service: Mapping[str, object], authority: Path | None, command: Sequence[str] = (str(COMMAND),)
) -> Iterator[Running]:
    """Watches all chargers of the service until the block ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        account = {key: service[key] for key in ("url", "token", "chargers")} | {"name": "bench"}
        if authority is not None:
            account["ca_file"] = str(authority)
        (folder / "config.yml").write_text(yaml.safe_dump({"accounts": [account]}))
        options = [f"--config.file={folder / 'config.yml'}", f"--storage.path={folder}", "--log.level=info"]
        began = time.monotonic()
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603
                [*command, "run", "--web.listen-address=127.0.0.1:0", *options], stderr=log
            )
        try:
            listening = wait_until(
                lambda: re.search(r"address=127\.0\.0\.1:(\d+)", (folder / "log").read_text()), "the exporter listens"
            )
            assert listening
            yield Running(process.pid, int(listening[1]), began)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _steady(service: Child, running: Running, client: Client, chargers: int, seconds: float) -> Iterator[Row]:
    scrapes = []
    cpu_before, before = cpu_seconds(running.pid), time.monotonic()
    while time.monotonic() < before + seconds:
        asked = time.monotonic()
        page = client.get(running.port)
        scrapes.append(page.seconds)
        connected = _values(page.body.decode(), "vecharge_stream_connected")
        assert len(connected) == chargers
        assert set(connected.values()) == {1.0}
        time.sleep(max(0.0, min(asked + SCRAPE_SECONDS, before + seconds) - time.monotonic()))
    cores = (cpu_seconds(running.pid) - cpu_before) / (time.monotonic() - before)
    truth = service.ask("hold_still")
    sent = sum(logs for logs, _ in truth.values())
    lost = _lost(client, running, truth)
    service.ask("go_on")
    case = f"{chargers:,} live streams, one log per second each"
    yield Row(f"{case}: logs lost", f"{lost} of {sent:,}", lost, 0.0, "at most", "lost")
    figure = f"{quantity(max(scrapes), 's')}, the longest of {len(scrapes)}"
    yield Row(f"{case}: scrape, state on disk", figure, max(scrapes), 1.0, "at most", "s")
    yield Row(f"{case}: CPU", quantity(cores, "cores"), cores, 0.5, "at most", "cores")


def _lost(client: Client, running: Running, truth: Mapping[str, tuple[int, int]]) -> int:
    """Logs that the service has sent and the page does not count; every total must be the true one."""
    sent = {charger_id: logs for charger_id, (logs, _) in truth.items()}
    joules = {charger_id: hundredths * JOULES_PER_HUNDREDTH for charger_id, (_, hundredths) in truth.items()}
    deadline = time.monotonic() + 10
    while True:
        page = client.get(running.port).body.decode()
        readings = _values(page, "vecharge_charger_readings_total")
        lost = sum(sent.values()) - int(sum(readings.values()))
        if not lost or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    if not lost:
        assert readings == sent
        # A page shows the totals of its commit, and what was read since: the next page has them all.
        page = client.get(running.port).body.decode()
        assert _values(page, "vecharge_charger_energy_joules_total") == joules
    return lost


def _values(page: str, metric: str) -> dict[str, float]:
    return {
        charger_id: float(value)
        for charger_id, value in re.findall(rf'^{metric}{{charger_id="([^"]+)"}} (\S+)$', page, re.MULTILINE)
    }


def _restart(service: Child, chargers: int) -> Iterator[Row]:
    service.ask("handshakes")
    began = time.monotonic()
    service.ask("restart", seconds=1.0)
    wait_until(lambda: service.ask("connected") < chargers, "the restart begins", pause=0.01)
    wait_until(lambda: service.ask("connected") == chargers, "all streams connected again", LONGEST_SECONDS)
    took = time.monotonic() - began
    came = sorted(service.ask("handshakes"))
    assert len(came) >= chargers
    most = max(bisect_left(came, first + 1.0) - place for place, first in enumerate(came))
    case = f"the service restarts under {chargers:,} streams"
    yield Row(f"{case}: all are back", quantity(took, "s"), took, 60.0, "at most", "s")
    share = 100 * most / len(came)
    figure = f"{most:,} of {len(came):,} handshakes"
    yield Row(f"{case}: the busiest second", figure, share, 15.0, "at most", "%")
