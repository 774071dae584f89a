"""Payloads that are text: a value that is not valid JSON invalidates only its field."""

import json

import pytest

from exporter.charger.events import Reading, Undecodable
from exporter.charger.wire import decode

LOG = '{"energy": 1.5, "voltage": %s}'


@pytest.mark.parametrize("voltage", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_json_does_not_allow_invalidates_only_its_field(voltage: str) -> None:
    expected = Reading(session_energy_joules=5_400_000.0, invalid_fields=("voltage",))
    assert decode("newLog", (LOG % voltage,)) == expected


def test_half_a_surrogate_pair_invalidates_no_field() -> None:
    event = decode("newLog", ('{"energy": 1.5, "deviceId": "a\\ud83d"}',))
    assert event == Reading(session_energy_joules=5_400_000.0, device_id="a?")


def test_half_a_surrogate_pair_in_place_of_a_number_invalidates_only_its_field() -> None:
    expected = Reading(session_energy_joules=5_400_000.0, invalid_fields=("voltage",))
    assert decode("newLog", (LOG % '"\\ud83d"',)) == expected


@pytest.mark.parametrize("text", ["\ufeff%s", "%s\0", "%s\0\0", "\ufeff%s\0"], ids=ascii)
@pytest.mark.parametrize("encoding", ["text", "bytes"])
def test_a_byte_order_mark_and_nul_bytes_at_the_end_are_ignored(text: str, encoding: str) -> None:
    whole = text % (LOG % "230")
    payload = whole.encode() if encoding == "bytes" else whole
    assert decode("newLog", (payload,)) == Reading(session_energy_joules=5_400_000.0, voltage_volts=230.0)


def test_json_text_inside_json_text_is_read() -> None:
    assert decode("newLog", (json.dumps(LOG % "230"),)) == Reading(
        session_energy_joules=5_400_000.0, voltage_volts=230.0
    )


def test_nested_json_text_is_unwrapped_a_limited_number_of_times() -> None:
    text = LOG % "230"
    for _ in range(4):
        text = json.dumps(text)
    assert decode("newLog", (text,)) == Undecodable("newLog", "the payload is not an object")


@pytest.mark.parametrize("text", ["{", "", "{'energy': 1}", '{"energy": 1,}', '"energy"', b"\xff\xfe{}"])
def test_text_that_is_not_json_is_undecodable(text: str | bytes) -> None:
    assert isinstance(decode("newLog", (text,)), Undecodable)


@pytest.mark.parametrize("value", ['"230,5"', '"7.0 A"', "[230]", "true", '"2_30"'])
def test_an_ambiguous_value_is_invalid(value: str) -> None:
    event = decode("newLog", (LOG % value,))
    assert isinstance(event, Reading)
    assert (event.voltage_volts, event.invalid_fields) == (None, ("voltage",))
