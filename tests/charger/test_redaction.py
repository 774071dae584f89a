"""A recorded event has the same energy and status as the original, and no personal data."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.charger.events import ChargerDocument, Reading, ServiceEvent, Undecodable
from exporter.charger.redaction import ANOTHER_CHARGER, Redactor
from exporter.charger.wire import decode
from tests.charger.wire.test_any_payload import FIELDS, json_like, scalars

FIXTURES = Path(__file__).parents[1] / "fixtures"
PERSONAL = ("pulse-test-user", "911234567890", "Rohini", "_xxxxxx", "veChargerCommunity", "77.06", "28.71", "61dc307f")


def redacted(name: str, payload: object, redactor: Redactor | None = None) -> Any:
    _, data = (redactor or Redactor("test")).redact(name, (payload,))
    return data


def fixture(name: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return payload


@pytest.mark.parametrize("name", ["newLog", "chargerConnected"])
@pytest.mark.parametrize("form", ["object", "text"])
def test_personal_data_of_the_vendors_examples_is_not_recorded(name: str, form: str) -> None:
    payload: Any = fixture(name)
    recorded = json.dumps(redacted(name, json.dumps(payload) if form == "text" else payload))
    assert [secret for secret in (*PERSONAL, "veChargePoint0125896", "privateKey") if secret in recorded] == []


def test_a_log_keeps_its_values_and_times() -> None:
    assert redacted("newLog", fixture("newLog")) == fixture("newLog") | {"userId": "user-1", "deviceId": "device-1"}


def test_a_document_keeps_the_fields_that_affect_energy_and_status() -> None:
    document = redacted("chargerConnected", fixture("chargerConnected"))
    assert document["energy"] == 0
    assert document["_doc"] == {
        "_id": "test",
        "status": "OFF",
        "voltage": 0,
        "current": 0,
        "power": 0,
        "energy": 0,
        "prev_energy": 36.44,
        "isActive": True,
        "wifiConnectivity": True,
        "connectedTimestamp": "2022-01-10T13:55:58.347Z",
        "desiredDgStatus": "OFF",
        "reportedDgStatus": "OFF",
        "chargerMode": "PUBLIC",
        "currentUser": "user-1",
    }


def test_a_user_has_one_pseudonym_in_logs_and_documents() -> None:
    redactor = Redactor("test")
    users = [
        redacted("newLog", {"userId": "+911234567890"}, redactor)["userId"],
        redacted("newLog", {"userId": "bob"}, redactor)["userId"],
        redacted("chargerConnected", {"_doc": {"currentUser": "+911234567890"}}, redactor)["_doc"]["currentUser"],
    ]
    assert users == ["user-1", "user-2", "user-1"]


def test_the_id_of_another_charger_is_not_recorded() -> None:
    assert redacted("newLog", {"chargerId": "neighbour"}) == {"chargerId": ANOTHER_CHARGER}


@pytest.mark.parametrize("field", ["energy", "power", "createdAt", "connectedTimestamp", "status", "chargerMode"])
def test_text_of_an_unexpected_form_is_not_recorded(field: str) -> None:
    for name in ("newLog", "chargerConnected", "statusChanged"):
        assert "secret" not in json.dumps(redacted(name, {field: "secret", "_doc": {field: "secret"}}))
        assert "91123" not in json.dumps(redacted(name, {field: "+911234567890"}))


def test_an_error_keeps_only_whether_the_charger_is_occupied() -> None:
    for text in ("Charger already connected to other device", "call +911234567890", None, {"secret": 1}):
        data = redacted("error", text)
        assert "secret" not in data
        assert "91123" not in data
        assert decode("error", (data,)) == decode("error", (text,))


def test_an_unknown_event_is_recorded_without_its_name_and_payload() -> None:
    assert Redactor("test").redact("secret", ("secret",)) == ("other", None)
    assert Redactor("test").redact(None, ()) == ("other", None)


@pytest.mark.parametrize("name", ["newLog", "chargerConnected", "statusChanged"])
@given(payload=json_like | st.dictionaries(st.sampled_from(FIELDS), scalars | json_like))
@example(payload={"energy": 2**63, "power": 10**400, "voltage": float("inf"), "createdAt": 1_764_324_000_000})
def test_a_redacted_event_decodes_to_the_same_values(name: str, payload: object) -> None:
    data = redacted(name, payload)
    line = msgspec.json.decode(msgspec.json.encode(data))
    assert comparable(decode(name, (line,))) == comparable(decode(name, (payload,)))
    text = redacted(name, json.dumps(payload))
    assert comparable(decode(name, (text,))) == comparable(decode(name, (json.dumps(payload),)))


def comparable(event: ServiceEvent) -> object:
    """An event without the omitted fields, as text, since NaN is not equal to itself."""
    if isinstance(event, Undecodable):
        return event.label
    left_out: dict[str, Any] = {"charger_id": event.charger_id == "test"} if hasattr(event, "charger_id") else {}
    match event:
        case Reading():
            left_out |= {"user": event.user is None, "device_id": event.device_id is None}
        case ChargerDocument():
            left_out |= {"user": event.user is None, "invalid_fields": ()}
            left_out |= dict.fromkeys(("operator", "partner_id", "address", "detail", "mode"))
            left_out |= dict.fromkeys(("latitude_degrees", "longitude_degrees"))
    return str(msgspec.structs.replace(event, **left_out))
