"""What the dashboards say while something is broken, and beside targets that are not ours: on a real Prometheus."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.conftest import Answers
from tests.dashboards.reading import Query, read
from tests.dashboards.series import write_blocks
from tests.prometheus import Prometheus

SCRAPE = 30
SECONDS = 6 * 3600
LOST_SECONDS = 20 * 60
EXPORTERS = {"a": ["c1", "c2"], "b": ["c3", "c4", "new", "old"]}
NAMES = {"c1": "Depot", "c2": "", "c3": "Mall", "c4": "", "new": "Gate", "old": ""}
STATUS = dict.fromkeys(NAMES, "on") | {"c2": "unknown"}
# Lost before a rule was evaluated.
NEVER_RECORDED = "new"
# Removed from the configuration long ago.
REMOVED = "old"
REMOVED_SECONDS = 3 * 3600
ALL = {"job": ".+", "instance": ".+", "page": "1", "shown": ".+", "utc_offset": "0", "account": "delhi"}


@pytest.fixture(scope="module", params=["raw", "recorded"])
def answers(
    request: pytest.FixtureRequest, promtool: Path, prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Answers, dict[str, str]]]:
    """Shard b has been down for 20 minutes. Prometheus itself and a foreign program are scraped too."""
    folder = tmp_path_factory.mktemp(request.param)
    end = int(time.time()) // 300 * 300
    whole = range(end - SECONDS, end + 1, SCRAPE)
    series: dict[str, list[tuple[float, float]]] = {}

    def add(name: str, labels: str, value: float, until: int = end) -> None:
        series[f"{name}{{{labels}}}"] = [(unix, value) for unix in whole if unix <= until]

    for exporter, chargers in EXPORTERS.items():
        target = f'job="vecharge",instance="{exporter}:10037"'
        until = end if exporter == "a" else end - LOST_SECONDS
        series[f"up{{{target}}}"] = [(unix, float(unix <= until)) for unix in whole]
        add("vecharge_exporter_build_info", f'{target},version="1"', 1, until)
        add("process_resident_memory_bytes", target, 50e6, until)
        for charger in chargers:
            own = f'{target},charger_id="{charger}"'
            until = end if exporter == "a" else end - (REMOVED_SECONDS if charger == REMOVED else LOST_SECONDS)
            info = f'account="delhi",name="{NAMES[charger]}",address="Sector 22"'
            add("vecharge_charger_info", f"{own},{info}", 1, until)
            add("vecharge_charger_up", own, 1, until)
            for status in ("on", "off", "unknown"):
                add("vecharge_charger_status", f'{own},status="{status}"', float(status == STATUS[charger]), until)
            recorded = f'job="vecharge",charger_id="{charger}",{info}'
            if request.param == "recorded" and charger != NEVER_RECORDED:
                add("charger:vecharge_charger_up:avg5m", recorded, 1, until)
                add("charger:vecharge_charger_info:last_over_time1h", recorded, 1, until)
    for alert in (
        'alertname="VechargeExporterDown",scope="exporter",job="vecharge",instance="b:10037"',
        'alertname="VechargeAccountOutage",scope="account",job="vecharge",account="delhi"',
        'alertname="VechargeAccountOutage",scope="account",job="vecharge",account="pune"',
        'alertname="VechargeSiteOutage",scope="account",job="vecharge",account="delhi",address="Sector 22"',
        'alertname="VechargeSiteOutage",scope="account",job="vecharge",account="delhi",address="Sector 23"',
        'alertname="VechargeChargerOffline",scope="charger",job="vecharge",account="delhi",charger_id="c1"',
    ):
        add("ALERTS", f'{alert},alertstate="firing",severity="critical"', 1)
    for foreign in ('job="node",instance="n:9100"', 'job="prometheus",instance="localhost:9090"'):
        add("up", foreign, 1)
        add("process_resident_memory_bytes", foreign, 99e6)
    write_blocks(promtool, folder / "data", series)
    with Prometheus(prometheus_binary, folder, targets=()) as prometheus:
        found = Answers(prometheus.url, end)
        sources = {name: source(found, name) for name in ("raw", "recorded")}
        yield found, ALL | sources


def source(answers: Answers, name: str) -> str:
    """The value of one of the hidden variables, as Grafana makes it."""
    variable = read("fleet").variables[name]
    inner = variable["query"].removeprefix("query_result(").removesuffix(")")
    query = Query("", "", inner, instant=True).filled_in(
        range_seconds=SECONDS, step_seconds=60, scrape_seconds=SCRAPE, **ALL
    )
    return "".join(series["metric"]["source"] for series in answers.at(query))


def ask(answers: tuple[Answers, dict[str, str]], query: Query, **variables: str) -> list[dict[str, Any]]:
    prometheus, filled = answers
    return prometheus.at(
        query.filled_in(range_seconds=SECONDS, step_seconds=60, scrape_seconds=SCRAPE, **filled | variables)
    )


def panel(answers: tuple[Answers, dict[str, str]], board: str, title: str) -> list[dict[str, Any]]:
    query = next(query for query in read(board).queries if query.panel == title)
    return ask(answers, query)


def value(answers: tuple[Answers, dict[str, str]], board: str, title: str) -> str:
    (series,) = panel(answers, board, title)
    found: str = series["value"][1]
    return found


def test_recorded_data_is_read_where_there_is_some_and_raw_data_else(
    answers: tuple[Answers, dict[str, str]], request: pytest.FixtureRequest
) -> None:
    _, variables = answers
    chosen = request.node.callspec.params["answers"]
    assert {name: variables[name] for name in ("raw", "recorded")} == {
        "raw": ".+" if chosen == "raw" else "",
        "recorded": ".+" if chosen == "recorded" else "",
    }


def test_chargers_of_a_lost_shard_are_counted_and_listed_as_unwatched(answers: tuple[Answers, dict[str, str]]) -> None:
    assert value(answers, "fleet", "Chargers") == "6"
    assert value(answers, "fleet", "Unwatched") == "4"
    assert value(answers, "fleet", "Unreachable") == "0"
    rows = {
        series["metric"]["charger_id"]: series["metric"]["charger"]
        for series in panel(answers, "fleet", "All chargers")
    }
    assert rows == {"c1": "Depot", "c2": "c2", "c3": "Mall", "c4": "c4", "new": "Gate", "old": "old"}
    (states,) = (query for query in read("fleet").queries if query.panel == "All chargers" and "* 0 - 1" in query.expr)
    found = {series["metric"]["charger_id"]: series["value"][1] for series in ask(answers, states)}
    assert found == {"c1": "2", "c2": "3", "c3": "-1", "c4": "-1", "new": "-1", "old": "-1"}


@pytest.mark.parametrize(("charger", "state"), [("c1", "2"), ("c3", "-1")])
def test_a_charger_of_a_lost_shard_is_unwatched_on_its_own_dashboard(
    answers: tuple[Answers, dict[str, str]], charger: str, state: str
) -> None:
    (query,) = (query for query in read("charger").queries if query.panel == "State")
    (series,) = ask(answers, query, charger_id=charger)
    assert series["value"][1] == state


def test_a_charger_shows_alerts_on_itself_its_site_its_account_and_the_exporters(
    answers: tuple[Answers, dict[str, str]],
) -> None:
    (query,) = (query for query in read("charger").queries if query.panel == "Firing alerts")
    found = {
        (series["metric"]["alertname"], series["metric"]["about"]) for series in ask(answers, query, charger_id="c3")
    }
    assert found == {
        ("VechargeExporterDown", "b:10037"),
        ("VechargeAccountOutage", "delhi"),
        ("VechargeSiteOutage", "Sector 22"),
    }


def test_chargers_of_a_lost_shard_are_ranked_by_name(answers: tuple[Answers, dict[str, str]]) -> None:
    names = {series["metric"]["charger"] for series in panel(answers, "fleet", "Least available")}
    assert names == {"Depot", "c2", "Mall", "c4", "Gate", "old"} - ({"Gate"} if answers[1]["recorded"] else set())


@pytest.mark.parametrize("board", ["fleet", "exporter"])
def test_one_of_two_exporters_is_up_and_no_other_target_counts(
    answers: tuple[Answers, dict[str, str]], board: str
) -> None:
    (series,) = panel(answers, board, "Exporters up")
    assert (series["metric"]["shown"], series["value"][1]) == ("1 of 2", "1")


def test_the_exporter_that_is_down_is_in_the_table_and_foreign_targets_are_nowhere(
    answers: tuple[Answers, dict[str, str]],
) -> None:
    instances = {series["metric"]["instance"] for series in panel(answers, "exporter", "Exporters")}
    assert instances == {"a:10037", "b:10037"}
    for query in read("exporter").queries:
        found = {series["metric"].get("instance") for series in ask(answers, query)}
        assert not found & {"n:9100", "localhost:9090"}, query


@pytest.mark.parametrize(("minutes", "removed_long_ago"), [(10, set()), (SECONDS // 60, {"old · old"})])
def test_a_charger_can_be_chosen_though_its_exporter_is_down(
    answers: tuple[Answers, dict[str, str]], minutes: int, removed_long_ago: set[str]
) -> None:
    variable = read("charger").variables["charger_id"]
    inner = re.fullmatch(r"query_result\((.*)\)", variable["query"])
    assert inner
    prometheus, filled = answers
    query = Query("", "", inner[1], instant=True)
    found = prometheus.at(query.filled_in(range_seconds=60 * minutes, step_seconds=60, scrape_seconds=SCRAPE, **filled))
    expected = {"Depot · c1", "Gate · new", "Mall · c3", "c2 · c2", "c4 · c4"} | removed_long_ago
    assert {series["metric"]["shown"] for series in found} == expected


def test_the_details_of_a_charger_stay_though_its_exporter_is_down(answers: tuple[Answers, dict[str, str]]) -> None:
    (query,) = (query for query in read("charger").queries if query.panel == "Details")
    (series,) = ask(answers, query, charger_id="c3")
    assert series["metric"]["name"] == "Mall"


def test_the_status_of_a_charger_is_unknown_until_the_service_has_reported_it(
    answers: tuple[Answers, dict[str, str]],
) -> None:
    (query,) = (
        query for query in read("charger").queries if "vecharge_charger_status" in query.expr and not query.instant
    )
    shown = {charger: ask(answers, query, charger_id=charger)[0]["value"][1] for charger in ("c1", "c2")}
    assert shown == {"c1": "2", "c2": "0"}
