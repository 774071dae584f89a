"""Dashboards under test, and a Prometheus with a history for their queries."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dashboards.history import History
from tests.dashboards.reading import NAMES, Board, read
from tests.prometheus import Prometheus

HOURS = 6
SCRAPE_SECONDS = 60
STEP_SECONDS = 60


@pytest.fixture(params=NAMES)
def board(request: pytest.FixtureRequest) -> Board:
    """Each dashboard in turn."""
    return read(request.param)


@dataclass(frozen=True)
class Answers:
    """What a Prometheus answers to queries."""

    url: str
    end_unix: float

    def at(self, expr: str, unix: float | None = None) -> list[dict[str, Any]]:
        """The instant vector, by default at the end."""
        return self._ask("query", query=expr, time=self.end_unix if unix is None else unix)

    def over(self, expr: str, step_seconds: int, seconds: float) -> list[dict[str, Any]]:
        """The series over the last seconds; steps are aligned as in Grafana."""
        start, end = (instant // step_seconds * step_seconds for instant in (self.end_unix - seconds, self.end_unix))
        return self._ask("query_range", query=expr, start=start, end=end, step=step_seconds)

    def _ask(self, what: str, **parameters: str | float) -> list[dict[str, Any]]:
        answer = requests.post(f"{self.url}/api/v1/{what}", parameters, timeout=60).json()
        assert answer["status"] == "success", f"{parameters['query']}: {answer['error']}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@dataclass(frozen=True)
class Archive(Answers):
    """A Prometheus that holds a history."""

    history: History

    @property
    def charging(self) -> str:
        """The id of a charger that delivers power at the history's end."""
        found: str = self.at("topk(1, vecharge_charger_power_watts)")[0]["metric"]["charger_id"]
        return found


@pytest.fixture(scope="session")
def archive(promtool: Path, prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Prometheus with hours of simulated charging that end now: older blocks would outlive its retention."""
    folder = tmp_path_factory.mktemp("archive")
    history = History(end_unix=time.time() // SCRAPE_SECONDS * SCRAPE_SECONDS, hours=HOURS, interval=SCRAPE_SECONDS)
    history.write_blocks(promtool, folder / "data")
    with Prometheus(prometheus_binary, folder, targets=()) as prometheus:
        yield Archive(prometheus.url, history.end_unix, history)
