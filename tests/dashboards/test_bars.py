"""Bars lose no event, and timelines no outage: on a real Prometheus, against what the simulator sent."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.dashboards.conftest import Answers
from tests.dashboards.reading import read
from tests.dashboards.series import write_blocks
from tests.dashboards.simulated_events import RESTART_EVERY_SECONDS, Kind, Scrapes, play
from tests.prometheus import Prometheus

HOURS = 6
BAR = 300
SCRAPES = (15, 30, 60)
# The panel of the exporter dashboard that counts the events, and its series.
PANELS = {
    Kind.DISCONNECT: ("Ended connections by reason", {"reason": "server"}),
    Kind.CORRUPT_LOG: ("Decode errors by event", {"event": "newLog"}),
    Kind.REPEATED_LOG: ("Rejected readings by reason", {"reason": "duplicate"}),
}
DAYS = 20
OUTAGES = 150


@dataclass(frozen=True)
class Truth:
    """What happened: events by scrape interval, and outages."""

    start: int
    scrapes: dict[int, Scrapes]
    outages: list[tuple[int, int]]
    answers: Answers

    def bars(self, kind: Kind, scrape: int) -> list[int]:
        """How many events happened in each bar."""
        bars = [0] * (HOURS * 3600 // BAR)
        for unix, sent in self.scrapes[scrape].sent:
            bars[int(unix - self.start) // BAR] += sent[kind]
        return bars

    def drawn(self, kind: Kind, scrape: int, step: int) -> dict[int, float]:
        """How many events the panel of the dashboard shows at each time."""
        panel, series = PANELS[kind]
        (query,) = (query for query in read("exporter").queries if query.panel == panel)
        filled = query.filled_in(
            range_seconds=HOURS * 3600,
            step_seconds=step,
            scrape_seconds=scrape,
            job=f"every-{scrape}s",
            instance=".+",
        )
        found = self.answers.over(filled, step, HOURS * 3600)
        (values,) = (one["values"] for one in found if one["metric"] == series)
        return {int(unix): float(value) for unix, value in values}


def outages(start: int) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    """A charger's `up` at a scrape a minute, and its outages of 1 to 10 minutes."""
    random = Random(0)
    begins = sorted(random.sample(range(DAYS * 24 * 2), OUTAGES))
    found = [(start + begin * 1800, start + begin * 1800 + 60 * random.randint(1, 10)) for begin in begins]
    down = {second for begin, end in found for second in range(begin, end, 60)}
    times = range(start, start + DAYS * 86_400, 60)
    return [(unix, float(unix not in down)) for unix in times], found


@pytest.fixture(scope="module")
def truth(promtool: Path, prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Truth]:
    folder = tmp_path_factory.mktemp("bars")
    end = int(time.time()) // 3600 * 3600
    start = end - HOURS * 3600
    first = end - DAYS * 86_400
    scrapes = play(start, HOURS * 3600, SCRAPES)
    for each in scrapes:
        write_blocks(promtool, folder / "data", each.samples)
    up, down = outages(first)
    write_blocks(promtool, folder / "data", {'vecharge_charger_up{job="ev",charger_id="c1"}': up})
    with Prometheus(prometheus_binary, folder, targets=(), flags=["--storage.tsdb.retention.time=1y"]) as prometheus:
        yield Truth(start, {each.interval: each for each in scrapes}, down, Answers(prometheus.url, end))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("scrape", SCRAPES)
def test_every_bar_and_their_sum_are_the_events_within_one_percent(truth: Truth, kind: Kind, scrape: int) -> None:
    drawn = truth.drawn(kind, scrape, BAR)
    expected = truth.bars(kind, scrape)
    assert sum(drawn.values()) == pytest.approx(sum(expected), rel=0.01)
    differences = sum(abs(drawn.get(truth.start + place * BAR, 0) - count) for place, count in enumerate(expected))
    assert differences <= 0.01 * sum(expected)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("scrape", SCRAPES)
def test_bars_of_hours_with_restarts_add_up_to_the_events_within_one_percent(
    truth: Truth, kind: Kind, scrape: int
) -> None:
    drawn = truth.drawn(kind, scrape, 3 * 3600)
    assert min(drawn) <= truth.start
    assert sum(drawn.values()) == pytest.approx(sum(truth.bars(kind, scrape)), rel=0.01)


def test_every_outage_of_the_range_is_drawn(truth: Truth) -> None:
    (query,) = (
        query
        for query in read("charger").queries
        if query.panel == "State, Wi-Fi and stream" and "vecharge_charger_up" in query.expr
    )
    step = DAYS * 86_400 // 1000 // 60 * 60
    filled = query.filled_in(
        range_seconds=DAYS * 86_400, step_seconds=step, scrape_seconds=60, job="ev", charger_id="c1"
    )
    (found,) = truth.answers.over(filled, step, DAYS * 86_400)
    red = [int(unix) for unix, value in found["values"] if value == "0"]
    missing = [begin for begin, end in truth.outages if not any(unix - step <= end and begin <= unix for unix in red)]
    assert missing == []


@pytest.mark.parametrize("scrape", SCRAPES)
def test_the_events_of_the_test_are_many_and_the_counters_restart(truth: Truth, scrape: int) -> None:
    assert min(sum(truth.bars(kind, scrape)) for kind in Kind) > 500
    falls = [
        unix
        for samples in truth.scrapes[scrape].samples.values()
        for (_, before), (unix, value) in pairwise(samples)
        if value < before
    ]
    assert len(falls) >= len(Kind) * (HOURS * 3600 // RESTART_EVERY_SECONDS)
