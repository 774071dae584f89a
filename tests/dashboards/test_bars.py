"""Bars lose no event, and timelines no outage: on a real Prometheus, against what really happened."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest

from grafana import promql
from tests.dashboards.conftest import Answers
from tests.dashboards.reading import Query, read
from tests.dashboards.series import write_blocks
from tests.prometheus import Prometheus

HOURS = 12
BAR = 300
RESTART_EVERY = 2 * 3600
DOWN = 45
SCRAPES = (15, 30, 60)
DAYS = 20
OUTAGES = 150


@dataclass(frozen=True)
class Truth:
    """What happened: events by the bar in which a scrape could see them, and outages."""

    start: int
    events: dict[int, list[int]]
    outages: list[tuple[int, int]]
    answers: Answers


def events(scrape: int, start: int) -> tuple[list[tuple[float, float]], list[int]]:
    """A counter of random events, restarted now and then, as scraped; and the events of each bar."""
    random = Random(scrape)
    samples: list[tuple[float, float]] = []
    bars = [0] * (HOURS * 3600 // BAR)
    count = scraped = 0
    for second in range(1, HOURS * 3600):
        down = second % RESTART_EVERY < DOWN and second > DOWN
        if down:
            count = scraped = 0
            continue
        count += random.random() < 0.05
        if second % scrape == 7:
            bars[second // BAR] += count - scraped
            scraped = count
            samples.append((start + second, count))
    return samples, bars


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
    series = {}
    bars = {}
    for scrape in SCRAPES:
        series[f'events_total{{job="ev",scrape="{scrape}"}}'], bars[scrape] = events(scrape, start)
    write_blocks(promtool, folder / "data", series)
    up, down = outages(first)
    write_blocks(promtool, folder / "data", {'vecharge_charger_up{job="ev",charger_id="c1"}': up})
    with Prometheus(prometheus_binary, folder, targets=(), flags=["--storage.tsdb.retention.time=1y"]) as prometheus:
        yield Truth(start, bars, down, Answers(prometheus.url, end))


@pytest.mark.parametrize("scrape", SCRAPES)
def test_every_bar_and_their_sum_are_the_events_within_one_percent(truth: Truth, scrape: int) -> None:
    expr = promql.rise_in_bars("events_total", f'scrape="{scrape}"', by="scrape")
    filled = Query("", "", expr, instant=False).filled_in(
        range_seconds=HOURS * 3600, step_seconds=BAR, scrape_seconds=scrape, job="ev"
    )
    (found,) = truth.answers.over(filled, BAR, HOURS * 3600)
    drawn = {int(unix - truth.start) // BAR: float(value) for unix, value in found["values"]}
    expected = truth.events[scrape]
    assert sum(drawn.values()) == pytest.approx(sum(expected), rel=0.01)
    differences = sum(abs(drawn.get(bar, 0) - count) for bar, count in enumerate(expected))
    assert differences <= 0.01 * sum(expected)


@pytest.mark.parametrize("scrape", SCRAPES)
def test_bars_of_hours_with_restarts_add_up_to_the_events_within_one_percent(truth: Truth, scrape: int) -> None:
    expr = promql.rise_in_bars("events_total", f'scrape="{scrape}"', by="scrape")
    filled = Query("", "", expr, instant=False).filled_in(
        range_seconds=HOURS * 3600, step_seconds=3 * 3600, scrape_seconds=scrape, job="ev"
    )
    (found,) = truth.answers.over(filled, 3 * 3600, HOURS * 3600)
    drawn = sum(float(value) for _, value in found["values"])
    begun = (truth.answers.end_unix - HOURS * 3600) // (3 * 3600) * (3 * 3600)
    assert begun <= truth.start
    assert drawn == pytest.approx(sum(truth.events[scrape]), rel=0.01)


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


def test_the_events_of_the_test_are_many_and_the_counter_restarts(truth: Truth) -> None:
    for scrape in SCRAPES:
        assert list(accumulate(truth.events[scrape]))[-1] > 1500
