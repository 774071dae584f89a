"""The number of exporters that are up, of those that should exist, with a real Prometheus; each job is a case."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dashboards.conftest import Answers
from tests.dashboards.reading import read
from tests.dashboards.series import write_blocks
from tests.prometheus import Prometheus

SCRAPE = 30
SECONDS = 3600
# Every job that is not named after veCharge has this port, and no exporter's.
PORT = 9000


@dataclass(frozen=True)
class Target:
    """A target, whether it is `up` now, and what it has ever served: an exporter's page, and of which shard."""

    up: bool
    exporter: bool = True
    shard: int = 0
    total_shards: int = 1


UP, DOWN = Target(up=True), Target(up=False)
NEVER_UP = Target(up=False, exporter=False)
FOREIGN = Target(up=True, exporter=False)

CASES = {
    "one exporter": ([UP], "1 of 1", 0),
    "one is down": ([UP, DOWN], "1 of 2", 1),
    "one has never answered": ([UP, NEVER_UP], "1 of 2", 1),
    "all are down": ([DOWN, DOWN], "0 of 2", 2),
    "the only vecharge exporter has never answered": ([NEVER_UP], "0 of 1", 1),
    "a shard is not a target": ([Target(up=True, total_shards=2)], "1 of 2", 1),
    "ten shards": ([Target(up=True, shard=number, total_shards=10) for number in range(10)], "10 of 10", 0),
    "two exporters that are no shards": ([UP, UP], "2 of 2", 0),
    "a foreign target in the job of an exporter": ([UP, FOREIGN], "1 of 1", 0),
}
ALL_JOBS = ("17 of 23", 6)


@pytest.fixture(scope="module")
def answers(promtool: Path, prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    folder = tmp_path_factory.mktemp("exporters")
    end = int(time.time()) // SCRAPE * SCRAPE
    whole = range(end - SECONDS, end + 1, SCRAPE)
    fell = end - 600
    series: dict[str, list[tuple[float, float]]] = {
        'up{job="node",instance="n:9100"}': [(unix, 0.0) for unix in whole],
        'up{job="prometheus",instance="localhost:9090"}': [(unix, 1.0) for unix in whole],
    }
    for job, (targets, *_) in CASES.items():
        for number, target in enumerate(targets):
            labels = f'job="{job}",instance="{number}:{PORT}"'
            answers = [unix for unix in whole if target.up or (target.exporter and unix < fell)]
            series[f"up{{{labels}}}"] = [(unix, float(unix in answers)) for unix in whole]
            if target.exporter:
                shard = f'shard="{target.shard}",total_shards="{target.total_shards}"'
                series[f'vecharge_exporter_build_info{{{labels},version="1"}}'] = [(unix, 1.0) for unix in answers]
                series[f"vecharge_exporter_shard_info{{{labels},{shard}}}"] = [(unix, 1.0) for unix in answers]
    write_blocks(promtool, folder / "data", series)
    with Prometheus(prometheus_binary, folder, targets=()) as prometheus:
        yield Answers(prometheus.url, end)


def shown(answers: Answers, board: str, job: str) -> tuple[str, float]:
    """What "Exporters up" says, and the number that decides its colour."""
    (query,) = (query for query in read(board).queries if query.panel == "Exporters up")
    filled = query.filled_in(range_seconds=SECONDS, step_seconds=60, scrape_seconds=SCRAPE, job=job)
    (series,) = answers.at(filled)
    return series["metric"]["shown"], float(series["value"][1])


@pytest.mark.parametrize("board", ["fleet", "exporter"])
@pytest.mark.parametrize("case", CASES)
def test_all_exporters_that_should_be_up_are_counted(answers: Answers, case: str, board: str) -> None:
    _, text, missing = CASES[case]
    assert shown(answers, board, case) == (text, missing)


@pytest.mark.parametrize("board", ["fleet", "exporter"])
def test_the_exporters_of_all_jobs_add_up_and_foreign_jobs_do_not_count(answers: Answers, board: str) -> None:
    assert shown(answers, board, ".+") == ALL_JOBS


def test_an_exporter_that_has_never_answered_is_a_row_of_the_table(answers: Answers) -> None:
    rows, up, *_ = (query for query in read("exporter").queries if query.panel == "Exporters")
    variables = {"job": "one has never answered", "instance": ".+"}
    for query in (rows, up):
        filled = query.filled_in(range_seconds=SECONDS, step_seconds=60, scrape_seconds=SCRAPE, **variables)
        assert {series["metric"]["instance"] for series in answers.at(filled)} == {f"0:{PORT}", f"1:{PORT}"}
