"""The same series served with Go's client_golang, from Debian's packages golang-go and
golang-github-prometheus-client-golang-dev.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.client import Client
from benchmarks.processes import ROOT, Child
from benchmarks.rows import Row, faster, not_measured

PACKAGES: Final = Path("/usr/share/gocode")
CLIENT: Final = PACKAGES / "src/github.com/prometheus/client_golang"
# As fast as Go: no requirement sets another bar.
BAR: Final = 1.0


def measure(exporter: Child, client: Client, rounds: int) -> Iterator[Row]:
    """A row for all changed and one for nothing changed; they take turns."""
    cases = (("against Go's client_golang, every charger had a new log", 1), ("against it, nothing changed", 0))
    if not CLIENT.exists():
        yield from (not_measured(case, "Go's client_golang is not installed", BAR, "x") for case, _ in cases)
        return
    own = _own_series(client, exporter)
    with tempfile.TemporaryDirectory() as folder, _serving(own, Path(folder)) as port:
        for case, every in cases:
            ours, theirs = [], []
            for _ in range(rounds):
                exporter.ask("log", every=every)
                ours.append(client.get(exporter.started).seconds)
                page = client.get(port)
                theirs.append(page.seconds)
                assert _joined(page.body).count(b"\n") == own.count(b"\n")
            yield faster(case, ours, theirs, BAR)


def _own_series(client: Client, exporter: Child) -> bytes:
    """The families of the chargers: gauges and counters."""
    page = client.get(exporter.started).body
    return page[: page.index(b"# HELP vecharge_account_")]


def _joined(chunks: bytes) -> bytes:
    """Join the chunks of a body that came with Transfer-Encoding: chunked."""
    parts, place = [], 0
    while place < len(chunks):
        begin = chunks.index(b"\r\n", place) + 2
        end = begin + int(chunks[place:begin], 16)
        parts.append(chunks[begin:end])
        place = end + 2
    return b"".join(parts)


@contextmanager
def _serving(page: bytes, folder: Path) -> Iterator[int]:
    program = folder / "client_golang"
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(PACKAGES)}
    source = ROOT / "benchmarks" / "client_golang" / "main.go"
    subprocess.run(["go", "build", "-o", program, source], env=environment, check=True)  # noqa: S603, S607
    text = folder / "page"
    text.write_bytes(page)
    with text.open("rb") as opened:
        process = subprocess.Popen([program], stdin=opened, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout
        started = process.stdout.readline()
        assert re.fullmatch(r"\d+\n", started), started
        yield int(started)
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()
