"""Every query of the dashboards, on a real Prometheus that has scraped the real exporter for hours."""

import math
import re
from typing import Any

import pytest

from exporter.metrics.table import ACCOUNT_METRICS, CHARGER_METRICS, EXPORTER_METRICS
from grafana import promql
from tests.dashboards.conftest import HOURS, SCRAPE_SECONDS, STEP_SECONDS, Archive
from tests.dashboards.history import CHARGERS, GOES_OFFLINE, MOVES, UNNAMED
from tests.dashboards.reading import NAMES, Query, read, selectors
from tests.rules.rulefiles import records

ALL = {"job": ".+", "instance": ".+", "raw": ".+", "recorded": "", "page": "1", "shown": ".+", "utc_offset": "5.5"}
ALL |= {"account": "delhi"}
ANY = ALL | {"charger_id": "sim-0001"}
QUERIES = [query for name in NAMES for query in read(name).queries]
VARIABLES = {
    f"{board}: {name}": variable["query"]
    for board in NAMES
    for name, variable in read(board).variables.items()
    if variable["type"] == "query"
}

# Metrics that are not the exporter's: prometheus-client's of the process, and Prometheus' own.
OTHERS = {
    "ALERTS",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "up",
}
# (dashboard, panel or annotation) that is empty when all is well.
EMPTY_WHEN_ALL_IS_WELL = {("charger", "Firing alerts"), ("charger", "Alerts")}


def charger_id(place: int) -> str:
    return f"sim-{place + 1:04d}"


def run(archive: Archive, query: Query, **variables: str) -> list[dict[str, Any]]:
    """What Prometheus answers to a query as Grafana sends it."""
    step = query.step_seconds(STEP_SECONDS)
    filled_in = query.filled_in(
        range_seconds=int(archive.history.seconds),
        step_seconds=step,
        scrape_seconds=SCRAPE_SECONDS,
        **ALL | {"charger_id": archive.charging} | variables,
    )
    return archive.at(filled_in) if query.instant else archive.over(filled_in, step, archive.history.seconds)


def filled(expr: str) -> str:
    """A query over the whole history with all variables filled in."""
    return Query("", "", expr, instant=True).filled_in(
        range_seconds=HOURS * 3600, step_seconds=STEP_SECONDS, scrape_seconds=SCRAPE_SECONDS, **ANY
    )


def number(archive: Archive, expr: str, unix: float | None = None, **variables: str) -> float:
    """The one value of an instant query."""
    query = Query("", "", expr, instant=True)
    filled_in = query.filled_in(
        range_seconds=int(archive.history.seconds),
        step_seconds=STEP_SECONDS,
        scrape_seconds=SCRAPE_SECONDS,
        **ANY | variables,
    )
    (series,) = archive.at(filled_in, unix)
    return float(series["value"][1])


def expr_of(board: str, panel: str) -> str:
    (expr,) = (query.expr for query in QUERIES if (query.board, query.panel) == (board, panel))
    return expr


def test_every_metric_name_is_in_the_table_of_metrics() -> None:
    known = {metric.name for metric in CHARGER_METRICS}
    known |= {metric.name for metric in ACCOUNT_METRICS}
    known |= {metric.name for metric in EXPORTER_METRICS}
    known |= {f"{metric.name}_{ending}" for metric in ACCOUNT_METRICS for ending in ("bucket", "count")}
    known |= OTHERS | {record.name for record in records()}
    used = {selector.metric for query in QUERIES for selector in selectors(query.expr)}
    assert used <= known


def test_every_metric_that_is_not_the_exporters_is_used() -> None:
    assert {selector.metric for query in QUERIES for selector in selectors(query.expr)} >= OTHERS


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_returns_data(archive: Archive, query: Query) -> None:
    found = run(archive, query)
    if (query.board, query.panel) in EMPTY_WHEN_ALL_IS_WELL:
        assert found == []
        return
    values = [value for series in found for _, value in series.get("values", [series.get("value")])]
    assert values
    assert all(math.isfinite(float(value)) for value in values)


def test_an_alert_shows_where_it_belongs(archive: Archive) -> None:
    for panel in ("Firing alerts", "Alerts"):
        (query,) = (query for query in QUERIES if (query.board, query.panel) == ("charger", panel))
        assert run(archive, query, charger_id=charger_id(GOES_OFFLINE), account="bengaluru")


@pytest.mark.parametrize("variable", VARIABLES.values(), ids=VARIABLES.keys())
def test_a_variable_has_values(archive: Archive, variable: str) -> None:
    if variable == VARIABLES["fleet: recorded"]:
        assert archive.at(filled(variable.removeprefix("query_result("))[:-1]) == []  # no rules are loaded here
        return
    asked = re.fullmatch(r"label_values\((.*), \w+\)|query_result\((.*)\)", variable)
    assert asked, "neither label_values nor query_result"
    assert number(archive, f"count({asked[1] or asked[2]})") > 0


class TestACharger:
    """A charger is one series, also while exporters restart or it moves to another one."""

    def shortly_after_it_moved(self, archive: Archive) -> float:
        """Both exporters have the charger: in a history no series is marked as ended."""
        return archive.history.move_unix + SCRAPE_SECONDS

    def test_that_moves_to_another_exporter_is_there_twice_in_raw(self, archive: Archive) -> None:
        both = archive.at(
            f'vecharge_charger_up{{charger_id="{charger_id(MOVES)}"}}', self.shortly_after_it_moved(archive)
        )
        assert len(both) == 2

    @pytest.mark.parametrize("query", [query for query in QUERIES if query.instant], ids=str)
    def test_that_moves_to_another_exporter_makes_no_query_fail(self, archive: Archive, query: Query) -> None:
        filled_in = query.filled_in(
            range_seconds=3600,
            step_seconds=STEP_SECONDS,
            scrape_seconds=SCRAPE_SECONDS,
            **ALL,
            charger_id=charger_id(MOVES),
        )
        archive.at(filled_in, self.shortly_after_it_moved(archive))

    def test_that_moves_to_another_exporter_counts_once(self, archive: Archive) -> None:
        moved = self.shortly_after_it_moved(archive)
        assert number(archive, expr_of("fleet", "Chargers"), moved) == CHARGERS
        names = archive.at(f"count by (charger_id) ({promql.info()})".replace("$job", ".+").replace("$instance", ".+"))
        assert [series["value"][1] for series in names] == ["1"] * CHARGERS

    def test_without_a_name_goes_by_its_id(self, archive: Archive) -> None:
        (query,) = (query for query in QUERIES if query.panel == "State of the least available chargers")
        shown = {series["metric"]["charger_id"]: series["metric"]["charger"] for series in run(archive, query)}
        assert shown[charger_id(UNNAMED)] == charger_id(UNNAMED)
        assert all(shown[key] != key for key in shown if key != charger_id(UNNAMED))


class TestEnergy:
    def test_is_what_the_chargers_delivered(self, archive: Archive) -> None:
        shown = number(archive, f"sum({promql.energy_kwh()})")
        assert shown == pytest.approx(archive.history.delivered_kwh, rel=0.01)

    def test_of_all_hours_is_the_energy_of_the_range(self, archive: Archive) -> None:
        (query,) = (query for query in QUERIES if query.panel == "Energy per hour")
        (series,) = run(archive, query)
        whole = number(archive, promql.energy_kwh(f'charger_id="{archive.charging}"'))
        assert sum(float(value) for _, value in series["values"]) == pytest.approx(whole, rel=0.02)

    def test_of_an_hour_stands_where_the_hour_begins(self, archive: Archive) -> None:
        (query,) = (query for query in QUERIES if query.panel == "Energy per hour")
        (series,) = run(archive, query)
        for begins, value in series["values"][1:-1]:
            hour = number(archive, promql.energy_kwh(f'charger_id="{archive.charging}"', over="1h"), begins + 3600)
            assert float(value) == pytest.approx(hour)


def test_availability_is_the_share_of_time_up(archive: Archive) -> None:
    series = archive.over(
        f'max(vecharge_charger_up{{charger_id="{charger_id(GOES_OFFLINE)}"}})', SCRAPE_SECONDS, archive.history.seconds
    )
    ups = [float(value) for _, value in series[0]["values"]]
    shown = number(archive, promql.availability(f'charger_id="{charger_id(GOES_OFFLINE)}"'))
    assert shown == pytest.approx(sum(ups) / len(ups), abs=0.005)
    assert shown < 1
