"""Foreign targets: a Prometheus that also scrapes itself and another program."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.dashboards.reading import Query, read
from tests.processes import Process
from tests.prometheus import Prometheus, Sample

VECHARGE_EXPORTER = Path(sys.executable).with_name("vecharge-exporter")
# What every program serves that uses a client library of Prometheus.
PAGE = """\
process_cpu_seconds_total 12
process_resident_memory_bytes 9.9e7
process_open_fds 10
process_max_fds 1024
process_start_time_seconds 1.7e9
"""
ALL = {"job": ".+", "instance": ".+", "raw": ".+", "recorded": "", "page": "1", "shown": ".+", "utc_offset": "0"}
CHOSEN = ALL | {"charger_id": "sim-0001", "account": "demo"}


class Live(NamedTuple):
    """A Prometheus, and the addresses of what it scrapes."""

    prometheus: Prometheus
    exporter: str
    foreign: set[str]

    def ask(self, query: Query) -> list[Sample]:
        return self.prometheus.query(query.filled_in(range_seconds=60, step_seconds=1, scrape_seconds=1, **CHOSEN))


@pytest.fixture(scope="module")
def live(prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("foreign")
    page = folder / "page" / "metrics.txt"  # by its ending served as text, which Prometheus 3 insists on
    page.parent.mkdir()
    page.write_text(PAGE)
    serve = [sys.executable, "-u", "-m", "http.server", "0", "--bind=127.0.0.1", f"--directory={page.parent}"]
    demo = [str(VECHARGE_EXPORTER), "demo", "--web.listen-address=127.0.0.1:0"]
    with (
        Process(*serve, output=folder / "page.log") as server,
        Process(*demo, output=folder / "demo.log") as exporter,
    ):
        foreign = f"127.0.0.1:{server.wait_for_line(r'port ([0-9]+)')[1]}"
        ours = exporter.wait_for_line(r"listening.* address=(127[0-9.]+:[1-9][0-9]*)")[1]
        # The address of Prometheus is known only when it runs.
        itself = folder / "itself.json"
        jobs = [
            {"job_name": "vecharge", "static_configs": [{"targets": [ours]}]},
            {"job_name": "node", "metrics_path": "/metrics.txt", "static_configs": [{"targets": [foreign]}]},
            {"job_name": "prometheus", "file_sd_configs": [{"files": [str(itself)], "refresh_interval": "1s"}]},
        ]
        with Prometheus(prometheus_binary, folder, [], config={"scrape_configs": jobs}) as prometheus:
            itself.write_text(json.dumps([{"targets": [prometheus.address]}]))
            prometheus.wait_for("count(up == 1) == 3")
            # Two scrapes of each make a rate.
            prometheus.wait_for("count(count_over_time(process_cpu_seconds_total[1m]) > 2) == 3")
            yield Live(prometheus, ours, {foreign, prometheus.address})


QUERIES = [query for name in ("exporter", "fleet") for query in read(name).queries]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_no_panel_shows_a_target_that_is_not_ours(live: Live, query: Query) -> None:
    shown = {sample.labels.get("instance") for sample in live.ask(query)}
    assert not shown & live.foreign
    assert not {sample.labels.get("job") for sample in live.ask(query)} & {"node", "prometheus"}


@pytest.mark.parametrize("board", ["fleet", "exporter"])
def test_one_of_one_exporters_is_up(live: Live, board: str) -> None:
    (query,) = (query for query in read(board).queries if query.panel == "Exporters up")
    (sample,) = live.ask(query)
    assert sample.labels["shown"] == "1 of 1"


@pytest.mark.parametrize("panel", ["CPU", "Memory", "Open files"])
def test_the_process_is_that_of_our_exporter(live: Live, panel: str) -> None:
    (query,) = (query for query in read("exporter").queries if query.panel == panel)
    assert [sample.labels["instance"] for sample in live.ask(query)] == [live.exporter]
