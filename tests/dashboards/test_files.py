"""The files in grafana/: made by the code, valid for Grafana, found by its provisioning."""

import json
import os
from typing import Any

import jsonschema
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.__main__ import BOARDS, text
from tests.dashboards.reading import FOLDER, NAMES, ROOT, Board, read

SCHEMAS = ROOT.parent / "shared/grafana-schema"
# A panel's type as the schemas' file names have it.
SCHEMA_OF_TYPE = {"state-timeline": "statetimeline"}
# Their type is "any", which the schema's generator writes as "object" although Grafana keeps texts and numbers there.
OF_ANY_TYPE = (("MatcherConfig", "options"), ("DynamicConfigValue", "value"))
WIDTH = 24


@pytest.fixture(scope="session")
def schemas() -> dict[str, dict[str, Any]]:
    """JSON schemas of Grafana, by the name of what they describe."""
    if not SCHEMAS.is_dir():
        reason = "no Grafana schemas in ../shared/grafana-schema"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    found = {file.name.split(".")[0]: json.loads(file.read_text()) for file in SCHEMAS.glob("*.jsonschema.json")}
    for definition, field in OF_ANY_TYPE:
        found["dashboard"]["definitions"][definition]["properties"][field] = {}
    return found


def check(schema: dict[str, Any], value: object, definition: str | None = None) -> None:
    if definition is not None:
        schema = {**schema, "$ref": f"#/definitions/{definition}"}
    jsonschema.Draft7Validator(schema).validate(value)


def test_every_file_is_what_the_code_makes() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(BOARDS) == set(NAMES)
    for name, board in BOARDS.items():
        assert (FOLDER / f"{name}.json").read_text() == text(board()), "renew with: make dashboards"


def test_a_dashboard_validates_against_the_schema(board: Board, schemas: dict[str, dict[str, Any]]) -> None:
    check(schemas["dashboard"], board.json)


def test_every_panel_validates_against_the_schema_of_its_type(board: Board, schemas: dict[str, dict[str, Any]]) -> None:
    for panel in board.panels:
        schema = schemas[SCHEMA_OF_TYPE.get(panel["type"], panel["type"])]
        check(schema, panel["options"], "Options")
        if "FieldConfig" in schema["definitions"]:
            check(schema, panel["fieldConfig"]["defaults"].get("custom", {}), "FieldConfig")
        for target in panel["targets"]:
            check(schemas["prometheus"], target)


def test_a_dashboard_survives_reading_and_writing_by_the_sdk(board: Board) -> None:
    register_default_plugins()
    again = json.dumps(Dashboard.from_json(board.json), cls=JSONEncoder)
    assert json.loads(again) == board.json


def test_panels_fill_the_grid_without_gaps_or_overlaps(board: Board) -> None:
    for panels in board.rows:
        places = [panel["gridPos"] for panel in panels]
        taken = [
            (x, y)
            for place in places
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        first, last = min(y for _, y in taken), max(y for _, y in taken)
        assert sorted(taken) == [(x, y) for x in range(WIDTH) for y in range(first, last + 1)]


def test_ids_and_addresses_are_unique() -> None:
    assert len({read(name).json["uid"] for name in NAMES}) == len(NAMES)
    for name in NAMES:
        ids = [panel["id"] for panel in read(name).everything]
        assert ids == sorted(set(ids)), name


def test_links_between_dashboards_lead_somewhere() -> None:
    addresses = {f"/d/{read(name).json['uid']}" for name in NAMES}
    links = [
        link["url"].split("?")[0]
        for name in NAMES
        for panel in read(name).panels
        for override in panel["fieldConfig"]["overrides"]
        for setting in override["properties"]
        if setting["id"] == "links"
        for link in setting["value"]
    ]
    assert links
    assert set(links) <= addresses


def test_provisioning_finds_a_datasource_and_the_dashboards() -> None:
    provisioning = ROOT / "grafana/provisioning"
    datasources = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())
    assert [source["type"] for source in datasources["datasources"]] == ["prometheus"]
    prometheus = yaml.safe_load((ROOT / "prometheus/prometheus.yml").read_text())
    scrape_interval = datasources["datasources"][0]["jsonData"]["timeInterval"]
    assert scrape_interval == prometheus["global"]["scrape_interval"], "$__rate_interval is made from it"
    providers = yaml.safe_load((provisioning / "dashboards/vecharge.yml").read_text())
    assert [provider["type"] for provider in providers["providers"]] == ["file"]
