"""The report: docs/benchmarks.md, with the machine and the versions it was made on."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.rows import COLUMNS, Row

PACKAGES: Final = ("aiohttp", "isal", "msgspec", "prometheus-client", "python-engineio", "python-socketio", "uvloop")

HEAD: Final = """\
# Benchmarks

Made by `make bench`; do not edit. What it does not measure, from "Memory per live charger" on, comes from
`benchmarks/measured_apart.md`. The meaning of the rows and how they are measured:

- Every subject runs in its own process. The two sides of a ratio take turns in one run, and the ratio is that of
  their medians of {rounds} rounds or more. Every benchmark checks the output of its subjects: a page must begin, byte
  for byte, with the output of prometheus-client; every log must have arrived; every total must be the true one.
- **Scrapes** are over HTTP, without gzip where a row does not say otherwise, from the request to the last byte, with
  all metrics and with the state committed to disk first. The other side is `generate_latest` of a registry with a Gauge
  or Counter per metric, set to the same samples and served by the same HTTP server. With gzip, it compresses as
  prometheus-client's own server does.
- **Go's client_golang** serves the same series from a registry with promhttp, on as many cores as there are. It makes
  its whole page at every scrape, whatever has changed.
- **The event loop is held** for as long as a task that asks for its turn every 2 ms does not get it. Every second one
  of these scrapes is the first after a reload of the configuration, so nothing is cached for it. No streams are
  connected; they would add a full garbage collection for about every 4,000 that connect (docs/design.md).
- **Compression** is of that page, in CPU time. zlib is at level 4; at level 1, which is used where ISA-L has no
  wheel, it takes 0.7 times as long for 10 % more bytes.
- **Cost per charger** is that of rendering alone, minus that of a page without chargers.
- **Memory per charger** is the growth of the process: chargers, rendered lines and their text.
- **CPU per log** is user and system time of the whole process, from the socket to the state. A bare `AsyncClient` has
  a handler that counts; the vendor's documented way is a threaded `socketio.Client` per charger, whose callback sets
  four gauges of prometheus-client. It gets more logs per second than it can handle: they are late, none is lost.
- **Over TLS** the service has its own certificate. The bare client begins as many handshakes per second as the
  exporter: many at the same time cost less each. Its sessions are not resumed.
- **Memory per live charger** is the growth of the whole program against one that watches one charger: stream, state,
  page and its compression.
- **Live streams** are the whole program, its state on disk, against the simulator, scraped every 5 s. Of the
  handshakes after a restart of the service, the busiest second is the busiest of all windows of one second. Start,
  watch and restart are one run.
"""

# What `make bench` does not measure: the memory by owner, a profile, a long run.
MEASURED_APART: Final = Path(__file__).with_name("measured_apart.md")


def machine() -> str:
    """What this was measured on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, load average "
        f"{os.getloadavg()[1]:.1f} at the end. Python {platform.python_version()}, {packages}."
    )


def markdown(tables: Mapping[str, Sequence[Row]], rounds: int, seconds: float) -> str:
    """The whole report."""
    made = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [HEAD.format(rounds=rounds), f"Made on {made} in {seconds:.0f} s, on {machine()}"]
    for title, rows in tables.items():
        lines += ["", f"## {title}", "", line(COLUMNS), line(["---"] * len(COLUMNS))]
        lines += [line(row.cells) for row in rows]
    return "\n".join(lines) + "\n\n" + MEASURED_APART.read_text()


def line(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"
