"""Every payload has the keys and the types of the vendor's examples: no more, no fewer."""

import json
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator.charger import fleet_charger
from exporter.simulator.payloads import number, timestamp
from exporter.simulator.plan import STEADY, Plan

FIXTURES = Path(__file__).parent.parent / "fixtures"
EPOCH = 1_641_823_079.124


def vendors(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def shape(value: Any) -> Any:
    """The value with types in place of values; all numbers are one type, as in JSON."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("plan", [STEADY, Plan(charging_at_start=0)], ids=["on", "off"])
def test_the_document_has_the_vendors_shape(index: int, plan: Plan) -> None:
    charger = fleet_charger(index, seed=1, plan=plan, epoch=EPOCH, log_interval=10)

    document = json.loads(json.dumps(charger.document()))

    assert shape(document) == shape(vendors("chargerConnected.json"))


def test_the_document_has_the_internals_of_mongoose() -> None:
    document = fleet_charger(0, seed=1, plan=STEADY, epoch=EPOCH, log_interval=10).document()
    expected = vendors("chargerConnected.json")
    expected["$_"]["_id"] = "sim-0001"

    for noise in ("$_", "isNew", "$locals", "$op", "$init"):
        assert document[noise] == expected[noise]


def test_the_document_has_its_energy_in_both_places() -> None:
    document = fleet_charger(0, seed=1, plan=STEADY, epoch=EPOCH, log_interval=10).document()

    assert document["energy"] == document["_doc"]["energy"] > 0


def test_the_position_is_geojson_with_the_longitude_first() -> None:
    document = fleet_charger(0, seed=1, plan=STEADY, epoch=EPOCH, log_interval=10).document()

    longitude, latitude = document["_doc"]["location"]["coordinates"]

    assert 68 < longitude < 98
    assert 8 < latitude < 36


def test_a_log_has_the_vendors_shape_and_two_decimals() -> None:
    charger = fleet_charger(0, seed=1, plan=STEADY, epoch=EPOCH, log_interval=10)

    log = charger.log(10).payload

    assert shape(log) == shape(vendors("newLog.json"))
    assert list(log) == list(vendors("newLog.json"))
    for field in ("voltage", "current", "power"):
        assert log[field] == f"{float(log[field]):.2f}"
    assert log["energy"] == round(log["energy"], 2)


@pytest.mark.parametrize("status", ["ON", "OFF"])
def test_a_change_of_status_has_the_vendors_shape(status: str) -> None:
    charger = fleet_charger(0, seed=1, plan=Plan(charging_at_start=0), epoch=EPOCH, log_interval=10)
    events = charger.switch_on(0) if status == "ON" else [*charger.switch_on(0), *charger.switch_off(1)]

    assert events[-1].name == "statusChanged"
    assert events[-1].payload == vendors(f"statusChanged-{status.lower()}.json")


def test_times_are_rfc_3339_in_utc_with_milliseconds() -> None:
    assert timestamp(EPOCH) == "2022-01-10T13:57:59.124Z"
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"


def test_numbers_are_written_as_javascript_writes_them() -> None:
    assert json.dumps([number(230.0), number(0.234), number(0.0)]) == "[230, 0.23, 0]"
