"""Any payload becomes an event without an exception, and no event has personal data."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from exporter.charger.events import EVENT_LABELS, ChargerDocument, Reading, Undecodable, UnknownEvent
from exporter.charger.wire import decode

NAMES = ("chargerConnected", "statusChanged", "newLog", "error")
FIELDS = (
    *("_doc", "_id", "chargerId", "deviceId", "voltage", "current", "power", "energy", "prev_energy", "createdAt"),
    *("status", "wifiConnectivity", "isActive", "connectedTimestamp", "desiredDgStatus", "reportedDgStatus"),
    *("chargerMode", "partnerId", "operator", "address", "detail", "location", "coordinates", "currentUser", "userId"),
)
# Any text, including half surrogate pairs, which JSON allows.
texts = st.text(st.characters()) | st.sampled_from(["ON", "off", "1e999", "-0", "2022-01-10T13:57:59.124Z", "NaN"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
json_like: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=8),
    max_leaves=10,
)


@pytest.mark.parametrize("name", NAMES)
@given(payload=json_like | st.dictionaries(st.sampled_from(FIELDS), json_like))
def test_any_value(name: str, payload: object) -> None:
    assert decode(name, (payload,)).label == name


@pytest.mark.parametrize("name", NAMES)
@given(payload=texts | json_like.map(json.dumps))
@example(payload="[" * 5_000)
@example(payload='{"energy":' + "9" * 5_000 + "}")
@example(payload='{"energy":1e' + "9" * 5_000 + "}")
def test_any_text(name: str, payload: str) -> None:
    assert decode(name, (payload,)).label == name


@pytest.mark.parametrize("name", NAMES)
@given(payload=st.binary())
@example(payload=b'{"status":"\xff"}')
def test_any_bytes(name: str, payload: bytes) -> None:
    assert decode(name, (payload,)).label == name


@given(st.lists(scalars | texts))
def test_any_name_and_any_arguments(arguments: list[Any]) -> None:
    name, *rest = arguments or [None]
    event = decode(name, tuple(rest))
    assert event.label in EVENT_LABELS
    assert event == UnknownEvent() or event.label == name


@given(st.dictionaries(st.sampled_from(FIELDS), json_like))
def test_every_decoded_text_is_a_valid_label_value(payload: dict[str, object]) -> None:
    for name in ("chargerConnected", "newLog"):
        event = decode(name, (payload | {"energy": 1},))
        assert isinstance(event, ChargerDocument | Reading)
        # The id is compared completely and never shown.
        for field in set(event.__struct_fields__) - {"charger_id"}:
            value = getattr(event, field)
            if isinstance(value, str):
                assert len(value) <= 256
                value.encode("utf-8")


PERSONAL = {
    "energy": 1,
    "currentUser": "pulse-test-user",
    "userId": "pulse-test-user",
    "chargerPrivateUsers": ["+911234567890"],
    "privateKey": "-----BEGIN PRIVATE KEY-----",
    "certificate": "-----BEGIN CERTIFICATE-----",
    "regularPrice": 4711,
}


@pytest.mark.parametrize("name", ["chargerConnected", "newLog"])
@pytest.mark.parametrize("place", ["top", "_doc", "text"])
def test_decoded_values_contain_no_personal_data(name: str, place: str) -> None:
    payload: object = {"top": PERSONAL, "_doc": {"_doc": PERSONAL}, "text": json.dumps(PERSONAL)}[place]
    event = decode(name, (payload,))
    text = repr(event) + repr(msgspec.to_builtins(event))
    assert [secret for secret in ("pulse-test", "+91", "BEGIN", "4711") if secret in text] == []


@pytest.mark.parametrize("name", ["chargerConnected", "newLog", "statusChanged"])
@pytest.mark.parametrize("payload", ['"+911234567890"', "+911234567890 {", ["+911234567890"], b"+911234567890\xff"])
def test_the_reason_does_not_quote_the_payload(name: str, payload: object) -> None:
    event = decode(name, (payload,))
    assert isinstance(event, Undecodable)
    assert "911234567890" not in event.reason


def test_an_invalid_field_is_reported_by_name_without_its_value() -> None:
    event = decode("newLog", ({"energy": 1, "voltage": "call +911234567890", "createdAt": "+911234567890"},))
    assert event == Reading(session_energy_joules=3_600_000.0, invalid_fields=("voltage", "createdAt"))


@given(st.dictionaries(st.sampled_from(FIELDS), json_like))
def test_json_text_is_read_as_the_object_in_it(payload: dict[str, object]) -> None:
    try:
        text = json.dumps(payload, allow_nan=False)
        held = msgspec.json.decode(text)
    except (ValueError, msgspec.DecodeError):
        assume(False)  # infinite numbers and half surrogate pairs are not valid JSON
    for name in NAMES[:3]:
        # As text, since NaN is not equal to itself.
        assert repr(decode(name, (text,))) == repr(decode(name, (held,)))


@given(st.dictionaries(st.sampled_from(FIELDS), json_like))
def test_the_other_fields_of_a_payload_with_an_invalid_field_are_used(payload: dict[str, object]) -> None:
    good = {"power": "7000.00", "energy": 1.25, "deviceId": "d", "createdAt": "2022-01-10T13:57:59.124Z"}
    event = decode("newLog", (payload | good,))
    assert isinstance(event, Reading)
    assert (event.power_watts, event.session_energy_joules) == (7000.0, 4_500_000.0)
    assert (event.device_id, event.created_unix) == ("d", 1_641_823_079.124)
    assert set(event.invalid_fields) <= {"voltage", "current", "chargerId"}
