"""Measures the fleet dashboard on a large fleet: `python -m tests.dashboards.fleet_size [CHARGERS [DAYS]]`.

Prints the seconds that Prometheus takes for each panel, by the clock and of CPU, and exits with 1 if a panel takes more
than 2 s by the clock: the machine should have nothing else to do. The queries are those that Grafana sends, one after
the other; Prometheus caches no results.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import requests

from tests import debian
from tests.dashboards import large_fleet
from tests.dashboards.large_fleet import DAY, SCRAPE_SECONDS
from tests.dashboards.reading import Query, read, seconds
from tests.prometheus import Prometheus

MOST_SECONDS = 2.0
TIMEOUT_SECONDS = 300.0
# A wide screen: the grid's columns, and pixels.
COLUMNS, PIXELS = 24, 1900
# Grafana rounds a step to one of these.
STEPS = (15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY)
MONTH = 30 * DAY
FLEET = read("fleet")


class Request(NamedTuple):
    """A query of Grafana's to Prometheus."""

    expr: str
    instant: bool
    range_seconds: int
    step_seconds: int


def requests_of(panel: dict[str, Any], range_seconds: int) -> list[Request]:
    """What Grafana sends for a panel."""
    own = panel.get("timeFrom")
    length = range_seconds if not own else int(own[:-1]) * MONTH if own.endswith("M") else seconds(own)
    points = panel.get("maxDataPoints") or PIXELS * panel["gridPos"]["w"] // COLUMNS
    least = seconds(panel["interval"]) if panel.get("interval") else SCRAPE_SECONDS
    step = max(least, min(STEPS, key=lambda step: abs(step - length / points)))
    return [Request(target["expr"], target["instant"], length, step) for target in panel["targets"]]


class Fleet:
    """A Prometheus that holds the fleet, and the variables of the dashboard."""

    def __init__(self, prometheus: Prometheus, days: int, end_unix: int) -> None:
        self._prometheus = prometheus
        self._end = end_unix
        self.range_seconds = days * DAY
        self._variables = {"job": ".+", "page": "1", "utc_offset": "5.5"}

    def choose(self, variable: dict[str, Any]) -> None:
        """Ask for the values of a variable, and choose them all."""
        query = re.fullmatch(r"query_result\((.*)\)", variable["query"])
        if not query:
            return  # label_values is answered from the index
        answer = self._ask(Request(query[1], instant=True, range_seconds=self.range_seconds, step_seconds=60))
        label = variable["regex"].strip("/").partition("=")[0]
        values = {series["metric"][label] for series in answer if label in series["metric"]}
        self._variables[variable["name"]] = "|".join(sorted(values))

    def measure(self, title: str, wanted: Sequence[Request]) -> bool:
        """Print what the requests take; whether that is below the bar."""
        cpu, began = self._cpu_seconds(), time.monotonic()
        series = sum(len(self._ask(request)) for request in wanted)
        wall = time.monotonic() - began
        print(f"{wall:8.2f} {self._cpu_seconds() - cpu:8.2f} {series:8}  {title}", flush=True)
        return wall <= MOST_SECONDS

    def _ask(self, request: Request) -> list[dict[str, Any]]:
        expr = Query("", "", request.expr, request.instant).filled_in(
            range_seconds=request.range_seconds,
            step_seconds=request.step_seconds,
            scrape_seconds=SCRAPE_SECONDS,
            **self._variables,
        )
        if request.instant:
            parameters: dict[str, Any] = {"query": expr, "time": self._end}
        else:
            start, end = (
                unix // request.step_seconds * request.step_seconds
                for unix in (self._end - request.range_seconds, self._end)
            )
            parameters = {"query": expr, "start": start, "end": end, "step": request.step_seconds}
        path = "query" if request.instant else "query_range"
        url = f"{self._prometheus.url}/api/v1/{path}"
        answer = requests.post(url, parameters, timeout=TIMEOUT_SECONDS).json()
        assert answer["status"] == "success", f"{expr}: {answer['error']}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._prometheus.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(chargers: int = 1000, days: int = 30) -> int:
    end = int(time.time()) // DAY * DAY
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        large_fleet.write_blocks(debian.promtool(), Path(name, "data"), chargers=chargers, days=days, end_unix=end)
        print(f"{chargers} chargers, {days} days, written in {time.monotonic() - began:.0f} s")
        flags = ["--storage.tsdb.retention.time=1y"]
        with Prometheus(debian.prometheus(), Path(name), targets=(), flags=flags) as prometheus:
            return 0 if measure(Fleet(prometheus, days, end)) else 1


def measure(fleet: Fleet) -> bool:
    """Print what every panel takes; whether all that are open are below the bar."""
    for variable in FLEET.variables.values():
        if variable["type"] == "query":
            fleet.choose(variable)
    print("   clock      CPU   series  panel")
    closed = [panel["title"] for row in FLEET.json["panels"] for panel in row.get("panels", ())]
    good = True
    for panel in FLEET.panels:
        title = f"{panel['title']}{' (closed row)' if panel['title'] in closed else ''}"
        good &= fleet.measure(title, requests_of(panel, fleet.range_seconds))
    return good


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:])))
