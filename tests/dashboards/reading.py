"""Read a dashboard's JSON: its panels, its queries, and the queries with their variables filled in."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana/dashboards"
NAMES = ("fleet", "charger", "exporter")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Board:
    """A dashboard as its file has it."""

    name: str
    json: dict[str, Any]

    @property
    def panels(self) -> list[dict[str, Any]]:
        """All panels but the headings, those of closed rows too."""
        return [panel for panel in self.everything if panel["type"] != "row"]

    @property
    def everything(self) -> list[dict[str, Any]]:
        """All panels, headings and what they hide included."""
        return [panel for top in self.json["panels"] for panel in (top, *top.get("panels", ()))]

    @property
    def rows(self) -> list[list[dict[str, Any]]]:
        """The panels below each heading."""
        rows: list[list[dict[str, Any]]] = []
        for panel in self.everything:
            if panel["type"] == "row":
                rows.append([])
            else:
                rows[-1].append(panel)
        return rows

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        return {variable["name"]: variable for variable in self.json["templating"]["list"]}

    @property
    def queries(self) -> Iterator["Query"]:
        for panel in self.panels:
            for target in panel.get("targets", ()):
                yield Query(self.name, panel["title"], target["expr"], target["instant"], panel.get("interval"))
        for annotation in self.json["annotations"].get("list", ()):
            yield Query(self.name, annotation["name"], annotation["target"]["expr"], instant=False)


@dataclass(frozen=True)
class Query:
    """A query and where it stands."""

    board: str
    panel: str
    expr: str
    instant: bool
    least_step: str | None = None

    def __str__(self) -> str:
        # The id of a test. Not with the query, which may be a kilobyte: `make test` prints ids at its end.
        return f"{self.board}: {self.panel}"

    def step_seconds(self, auto_seconds: int) -> int:
        """As Grafana has it: what suits the width of the panel, but no less than the panel's own interval."""
        return max(auto_seconds, seconds(self.least_step) if self.least_step else 0)

    def filled_in(self, *, range_seconds: int, step_seconds: int, scrape_seconds: int, **variables: str) -> str:
        """The query as Grafana sends it."""
        values = {
            "__range": f"{range_seconds}s",
            "__interval": f"{step_seconds}s",
            "__rate_interval": f"{max(step_seconds + scrape_seconds, 4 * scrape_seconds)}s",
            **variables,
        }
        return re.sub(r"\$([a-z_]+)", lambda found: values[found[1]], self.expr)


@dataclass(frozen=True)
class Selector:
    """A series selector in a query: `function(metric{matchers}[window]`."""

    function: str
    metric: str
    matchers: str
    window: str


SELECTOR = re.compile(
    r"(?:(?P<function>\w+)\(\s*)?(?P<metric>\b[a-zA-Z_:][\w:]*)\{(?P<matchers>[^}]*)\}(?:\[(?P<window>[^\]]*)\])?"
)
METRIC = re.compile(r"\b(?:(?:\w+:)?(?:vecharge|process|python)_\w+(?::\w+)?|up|ALERTS)\b(?=[{\[)\s]|$)(?!\")")


def selectors(expr: str) -> list[Selector]:
    """Every selector of a query. Fails on a metric without matchers: nothing would tie it to the variables."""
    found = [Selector(**match.groupdict(default="")) for match in SELECTOR.finditer(expr)]
    assert len(found) == len(METRIC.findall(expr)), f"a metric without matchers in {expr}"
    return found


def seconds(duration: str) -> int:
    """Seconds of a duration such as 5m."""
    return int(duration[:-1]) * SECONDS[duration[-1]]


def read(name: str) -> Board:
    return Board(name, json.loads((FOLDER / f"{name}.json").read_text()))
