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

Made by `make bench`; do not edit. The meaning of the rows and how they are measured:

- Every subject runs in its own process. The two sides of a ratio take turns in one run, and the ratio is that of
  their medians of {rounds} rounds or more. Every benchmark checks the output of its subjects: a page must begin, byte
  for byte, with the output of prometheus-client; every log must have arrived; every total must be the true one.
- **Scrapes** are over HTTP, without gzip, from the request to the last byte, with all metrics and with the state
  committed to disk first. The other side is `generate_latest` of a registry with a Gauge or Counter per metric, set
  to the same samples and served by the same HTTP server.
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

MEMORY: Final = """\
## Memory per live charger, by owner

In KB, rounded, from tracemalloc and mallinfo2, over 1,000 streams before connections were made smaller and 2,000 after:

| owner | before | after | what changed |
| --- | --- | --- | --- |
| queues, events, timeouts and their tasks | 11.5 | 3.1 | a list in place of asyncio.Queue; one timer for silence |
| HTTP session, cookie jar, bound log, dictionaries | 6.4 | 1.5 | websockets share a session; logs are bound when due |
| aiohttp: request, response, websocket | 10 | 10 | |
| python-socketio, python-engineio, yarl | 4 | 4 | |
| stream, charger, rendered lines | 15 | 15 | |
| plain HTTP, resident | 47.3 | 34.1 | |
| uvloop: the touched pages of its 256 KB buffer for TLS | 14 | 4 | large buffers are kept off the heap |
| OpenSSL: connection, session, certificate | 21 | 21 | |
| asyncio and uvloop: TLS transport, parsed certificate | 4 | 2.6 | the parsed certificate is not kept |
| TLS, resident | 86.5 | 61.7 | |

The whole program, with tokens of the usual length, pages and compression, took 38 KB and 68 KB with 1,000 chargers.
"""


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
    return "\n".join(lines) + "\n" + MEMORY


def line(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"
