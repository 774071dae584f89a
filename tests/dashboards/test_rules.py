"""The rules of Grafana's dashboard-linter, and a few of our own. EXCEPTIONS has what departs from them."""

import re
from collections.abc import Iterator

import pytest
import yaml
from grafana_foundation_sdk.models import units

from grafana.boards import FIRING, SEVERITIES
from tests.dashboards.history import ALERT
from tests.dashboards.reading import NAMES, ROOT, Board, Query, read, selectors

Place = tuple[str, str, str]

WINDOW = "the title names the window"
ALERTS = "Prometheus keeps alerts with the labels of their rule: one that adds up has no job or instance"

# (rule, dashboard, panel or annotation): why it may.
EXCEPTIONS: dict[Place, str] = {
    ("window", "fleet", "Last 24 h"): WINDOW,
    ("window", "fleet", "Last 30 d"): WINDOW,
    ("window", "fleet", "Most reconnections in 24 h"): WINDOW,
    ("window", "fleet", "Most rejected readings in 24 h"): WINDOW,
    ("targets", "fleet", "Alerts"): ALERTS,
    ("targets", "fleet", "Firing"): ALERTS,
    ("targets", "fleet", "Firing alerts"): ALERTS,
    ("targets", "charger", "Firing alerts"): ALERTS,
    ("targets", "charger", "Alerts"): ALERTS,
    ("targets", "exporter", "Firing alerts"): ALERTS,
    ("targets", "exporter", "Alerts"): ALERTS,
}

# `last`, `min` and `max` are what a difference of counters is made of: promql.rise.
COUNTER_FUNCTIONS = {"rate", "irate", "increase", "resets", "last_over_time", "min_over_time", "max_over_time"}
UNITS = {value for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)}
ON_TIME_RANGE_CHANGED = 2
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def test_a_dashboard_has_one_datasource_variable(board: Board) -> None:
    found = [variable for variable in board.variables.values() if variable["type"] == "datasource"]
    assert [(v["name"], v["label"], v["query"]) for v in found] == [("datasource", "Data Source", "prometheus")]


def test_no_datasource_is_fixed_so_that_import_and_provisioning_both_work(board: Board) -> None:
    users = [
        *board.panels,
        *(target for panel in board.panels for target in panel["targets"]),
        *(variable for variable in board.variables.values() if variable["type"] == "query"),
        *board.json["annotations"].get("list", ()),
    ]
    assert [user["datasource"] for user in users] == [DATASOURCE] * len(users)


@pytest.mark.parametrize(
    ("name", "variable"), [("fleet", "job"), ("charger", "job"), ("exporter", "job"), ("exporter", "instance")]
)
def test_targets_can_be_chosen_one_several_or_all(name: str, variable: str) -> None:
    chosen = read(name).variables[variable]
    assert (chosen["multi"], chosen["includeAll"], chosen["allValue"]) == (True, True, ".+")


def test_variables_refresh_when_the_time_range_changes(board: Board) -> None:
    asked = [variable for variable in board.variables.values() if variable["type"] == "query"]
    assert {variable["refresh"] for variable in asked} == {ON_TIME_RANGE_CHANGED}


def test_a_dashboard_is_not_editable(board: Board) -> None:
    assert board.json["editable"] is False


def test_every_panel_says_what_it_shows(board: Board) -> None:
    assert board.json["title"]
    assert board.json["description"]
    assert [panel["title"] for panel in board.panels if not panel["title"] or not panel["description"]] == []


def test_an_exception_names_one_panel() -> None:
    for _, name, title in EXCEPTIONS:
        board = read(name)
        titles = [panel["title"] for panel in board.panels]
        titles += [annotation["name"] for annotation in board.json["annotations"].get("list", ())]
        assert titles.count(title) == 1, (name, title)


def test_every_field_has_a_unit_that_grafana_knows(board: Board) -> None:
    for panel in board.panels:
        config = panel["fieldConfig"]
        settings = [setting for override in config["overrides"] for setting in override["properties"]]
        used = [config["defaults"].get("unit"), *(setting["value"] for setting in settings if setting["id"] == "unit")]
        assert {unit for unit in used if not unit.startswith("suffix:")} <= UNITS, panel["title"]


def test_every_panel_asks_for_something(board: Board) -> None:
    assert [panel["title"] for panel in board.panels if not panel["targets"]] == []


def test_every_alert_is_among_those_that_the_dashboards_show_in_their_colours() -> None:
    groups = yaml.safe_load((ROOT / "prometheus/alerts.yml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    alerts = [rule for rule in alerts if rule["labels"]["severity"] != "none"]
    shown = re.search(r'alertname=~"([^"]+)"', FIRING)
    assert shown
    assert [rule["alert"] for rule in alerts if not re.fullmatch(shown[1], rule["alert"])] == []
    assert {rule["labels"]["severity"] for rule in alerts} <= {severity for severity, _ in SEVERITIES}
    assert ALERT in {rule["alert"] for rule in alerts}


def every_query() -> Iterator[Query]:
    for name in NAMES:
        yield from read(name).queries


def departures() -> Iterator[tuple[Place, str]]:
    """Where a query departs from a rule, and the query."""
    for query in every_query():
        targets = {'job=~"$job"'} | ({'instance=~"$instance"'} if query.board == "exporter" else set())
        for selector in selectors(query.expr):
            chosen = targets if selector.metric not in OF_ALL_EXPORTERS else {'job=~"$job"'}
            if not chosen <= set(selector.matchers.split(",")):
                yield ("targets", query.board, query.panel), query.expr
            if selector.metric.endswith("_total") and selector.function not in COUNTER_FUNCTIONS:
                yield ("counter", query.board, query.panel), query.expr
            if selector.window and selector.window not in windows(query, selector.function):
                yield ("window", query.board, query.panel), query.expr


# Metrics for which the chosen instance does not matter: they distinguish our exporters from other targets, and count
# those that are up.
OF_ALL_EXPORTERS = {"vecharge_exporter_build_info", "vecharge_exporter_shard_info", "up"}


def windows(query: Query, function: str) -> set[str]:
    """A range query follows its step, an instant one shows the whole range; promql.rise looks back for `1h`."""
    whole_range = {"$__range", "1h", "$__range:1m"} if function not in {"rate", "irate"} else {"$__rate_interval"}
    return whole_range if query.instant else {"$__rate_interval", "$__interval", "1h", "$__range"}


def test_queries_follow_the_rules_or_an_exception_says_why_not() -> None:
    """targets: the chosen job in every selector; counter: only under rate and the like; window: see `windows`."""
    found = {place: expr for place, expr in departures() if place not in EXCEPTIONS}
    assert found == {}


def test_every_exception_is_needed() -> None:
    assert set(EXCEPTIONS) == {place for place, _ in departures()}


def test_a_query_over_the_range_of_all_chargers_reads_the_recording_rules_where_they_are_loaded() -> None:
    """Else a month of a thousand chargers would be read from raw data: 170 million samples for each panel."""
    of_chargers = re.compile(r"vecharge_(charger|stream)_")
    for query in read("fleet").queries:
        for selector in selectors(query.expr):
            if not of_chargers.match(selector.metric) or 'charger_id=~"$shown"' in selector.matchers:
                continue
            bounded = selector.window in {"", "1h", "1d"} and query.instant
            assert bounded or 'job=~"$raw"' in selector.matchers, (query.panel, selector)


def test_every_dashboard_marks_firing_alerts_and_that_of_a_charger_its_sessions(board: Board) -> None:
    marks = {annotation["name"] for annotation in board.json["annotations"]["list"]}
    assert marks == ({"Alerts", "Sessions"} if board.name == "charger" else {"Alerts"})
