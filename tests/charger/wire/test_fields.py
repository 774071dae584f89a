"""The fields of a payload: units, positions, and invalid values."""

import math
import time
from typing import Any

import pytest

from exporter.charger.events import ChargerDocument, Reading, Status
from exporter.charger.wire import decode


def reading(**fields: object) -> Reading:
    """A log with an energy and these fields."""
    event = decode("newLog", ({"energy": 0} | fields,))
    assert isinstance(event, Reading)
    return event


def document(fields: dict[str, Any], **top: object) -> ChargerDocument:
    event = decode("chargerConnected", ({"_doc": fields, **top},))
    assert isinstance(event, ChargerDocument)
    return event


class TestPlace:
    """Fields are under `_doc`; some clients get them at the top level."""

    def test_under_doc(self) -> None:
        assert document({"status": "ON"}).status is Status.ON

    def test_at_the_top_level(self) -> None:
        event = decode("chargerConnected", ({"status": "ON", "operator": "x"},))
        assert event == ChargerDocument(status=Status.ON, operator="x")

    def test_a_field_under_doc_overrides_one_at_the_top_level(self) -> None:
        assert document({"energy": 2}, energy=1).session_energy_joules == 2 * 3.6e6

    @pytest.mark.parametrize("nothing", [{}, {"energy": None}])
    def test_a_field_that_doc_lacks_is_read_at_the_top_level(self, nothing: dict[str, Any]) -> None:
        assert document(nothing, energy=1).session_energy_joules == 3.6e6

    @pytest.mark.parametrize("doc", [None, [], "text", 5])
    def test_the_top_level_is_read_if_doc_is_not_an_object(self, doc: object) -> None:
        event = decode("chargerConnected", ({"_doc": doc, "status": "ON"},))
        assert event == ChargerDocument(status=Status.ON)

    def test_a_missing_field_is_not_known_and_not_invalid(self) -> None:
        assert document({}) == ChargerDocument()
        assert reading() == Reading(session_energy_joules=0.0)


@pytest.mark.parametrize(
    ("field", "attribute"),
    [("voltage", "voltage_volts"), ("current", "current_amperes"), ("power", "power_watts")],
)
class TestMeasure:
    """Volts, amperes and watts: text in logs, numbers in documents; never negative."""

    @pytest.mark.parametrize(("value", "read"), [("230.00", 230.0), ("0", 0.0), (7, 7.0), (7.5, 7.5), ("1e3", 1000.0)])
    def test_text_or_number(self, field: str, attribute: str, value: object, read: float) -> None:
        event = reading(**{field: value})
        assert getattr(event, attribute) == read
        assert event.invalid_fields == ()

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "abc",
            "230 V",
            " 7.5 ",
            "+5",
            "1_000",
            "-1",
            -0.01,
            "NaN",
            "inf",
            math.nan,
            math.inf,
            "1e999",
            10**400,
            True,
            [],
            {},
            [230],
        ],
        ids=lambda value: repr(value)[:10],
    )
    def test_an_invalid_quantity_is_absent_and_named(self, field: str, attribute: str, value: object) -> None:
        event = reading(**{field: value})
        assert getattr(event, attribute) is None
        assert event.invalid_fields == (field,)

    @pytest.mark.parametrize("zero", ["-0.00", -0.0])
    def test_minus_zero_is_zero(self, field: str, attribute: str, zero: object) -> None:
        assert math.copysign(1, getattr(reading(**{field: zero}), attribute)) == 1


class TestEnergy:
    """The wire has kWh, events have joules."""

    @pytest.mark.parametrize("value", [0.23, "0.23"])
    def test_in_joules(self, value: object) -> None:
        assert reading(energy=value).session_energy_joules == pytest.approx(828_000)

    @pytest.mark.parametrize("value", ["abc", "2_30", "230,5", "7.0 A", "٢٣", [], True, math.nan])
    def test_an_energy_that_is_not_a_number_is_nan_for_the_meter(self, value: object) -> None:
        event = reading(energy=value)
        assert event.session_energy_joules is not None
        assert math.isnan(event.session_energy_joules)
        assert event.invalid_fields == ()

    @pytest.mark.parametrize(("value", "joules"), [(36.44, 131_184_000), (0, 0), (None, None)])
    def test_the_previous_energy_is_in_whole_joules(self, value: object, joules: float | None) -> None:
        assert document({"prev_energy": value}).previous_energy_joules == joules

    @pytest.mark.parametrize("value", [-1, "abc", math.inf, 1e308 * 10])
    def test_an_invalid_previous_energy_is_named(self, value: object) -> None:
        event = document({"prev_energy": value})
        assert (event.previous_energy_joules, event.invalid_fields) == (None, ("prev_energy",))

    def test_a_previous_energy_too_large_for_joules_is_absent(self) -> None:
        assert document({"prev_energy": 1e308}).previous_energy_joules is None


class TestInstant:
    """RFC 3339, or a unix epoch, as unix seconds."""

    @pytest.mark.parametrize(
        ("text", "unix"),
        [
            ("2022-01-10T13:57:59.124Z", 1_641_823_079.124),
            ("2022-01-10T13:57:59Z", 1_641_823_079.0),
            ("2022-01-10T19:27:59.124+05:30", 1_641_823_079.124),
            ("2022-01-10T13:57:59.124", 1_641_823_079.124),
            ("2022-01-10t13:57:59.124z", 1_641_823_079.124),
            ("2022-01-10 13:57:59Z", 1_641_823_079.0),
            ("2022-01-10 13:57:59", 1_641_823_079.0),
            ("1970-01-01T00:00:00Z", 0.0),
        ],
    )
    def test_an_instant(self, text: str, unix: float) -> None:
        assert reading(createdAt=text).created_unix == unix

    @pytest.mark.parametrize(
        "epoch",
        [1_641_823_079.124, 1_641_823_079_124, 1_641_823_079_124_000, "1641823079.124", "1641823079124"],
        ids=repr,
    )
    def test_an_epoch_is_in_seconds_milliseconds_or_microseconds_by_its_size(self, epoch: object) -> None:
        event = reading(createdAt=epoch)
        assert event.created_unix == pytest.approx(1_641_823_079.124)
        assert event.invalid_fields == ()

    @pytest.mark.parametrize(("epoch", "unix"), [(0, 0.0), ("0", 0.0), (0.5, 0.5)])
    def test_an_epoch_may_be_zero(self, epoch: object, unix: float) -> None:
        assert reading(createdAt=epoch).created_unix == unix

    def test_a_time_without_an_offset_is_utc_in_any_time_zone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        try:
            assert reading(createdAt="1970-01-01T00:00:00").created_unix == 0
        finally:
            monkeypatch.undo()
            time.tzset()

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "now",
            "2022-13-01T00:00:00Z",
            "2022-02-30T00:00:00Z",
            "0000-00-00T00:00:00Z",
            "2022-01-10",
            "20_220_110",
            "10.01.2022",
            -1,
            1e17,
            math.nan,
            True,
            {},
        ],
        ids=repr,
    )
    def test_an_invalid_time_is_absent_and_named(self, value: object) -> None:
        event = reading(createdAt=value)
        assert (event.created_unix, event.invalid_fields) == (None, ("createdAt",))

    @pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
    def test_times_at_the_ends_of_the_calendar_do_not_raise(self, text: str) -> None:
        created = reading(createdAt=text).created_unix
        assert created is None or math.isfinite(created)


class TestStatus:
    """`ON` and `OFF` in any case."""

    @pytest.mark.parametrize("text", ["ON", "on", "On"])
    def test_on(self, text: str) -> None:
        assert document({"status": text}).status is Status.ON

    @pytest.mark.parametrize("value", ["STANDBY", "", True, 1, []], ids=repr)
    def test_anything_else_is_absent_and_named(self, value: object) -> None:
        event = document({"status": value, "reportedDgStatus": value})
        assert (event.status, event.generator_reported) == (None, None)
        assert event.invalid_fields == ("status", "reportedDgStatus")


class TestFlag:
    """Only booleans are booleans, not text or numbers."""

    @pytest.mark.parametrize("value", ["true", 1, 0, []], ids=repr)
    def test_anything_else_is_absent_and_named(self, value: object) -> None:
        event = document({"wifiConnectivity": value, "isActive": value})
        assert (event.wifi_connected, event.active) == (None, None)
        assert event.invalid_fields == ("wifiConnectivity", "isActive")


class TestText:
    """Text becomes a label value: short and valid."""

    def test_a_long_text_is_shortened(self) -> None:
        event = document({"address": "x" * 10_000_000})
        assert event.address == "x" * 256

    @pytest.mark.parametrize("text", ["null", "true", "7", ""])
    def test_text_stays_text(self, text: str) -> None:
        assert document({"address": text}).address == text

    def test_half_a_surrogate_pair_becomes_a_question_mark(self) -> None:
        assert document({"address": "Sector \ud83d 22"}).address == "Sector ? 22"

    def test_a_surrogate_pair_is_kept_as_one_character(self) -> None:
        assert document({"address": "🔌" * 300}).address == "🔌" * 256

    @pytest.mark.parametrize("field", ["address", "detail", "operator"])
    @pytest.mark.parametrize(
        "number",
        [
            "+911234567890",
            "+91 98765 43210",
            "+91-98765-43210",
            "+1 (555) 010-9999",
            "00919876543210",
            "9876543210",
            "98765 43210",
            "98765-43210",
            "09876543210",
            "91 9876543210",
            "919876543210",
            "011-23456789",
            "(022) 2345 6789",
        ],
    )
    @pytest.mark.parametrize("around", ["{}", "call {} at the gate", "Gate 2,{}.", "tel:{};"])
    def test_a_phone_number_is_masked(self, field: str, number: str, around: str) -> None:
        masked = getattr(document({field: around.format(number)}), field)
        assert masked == around.format("<phone number>")

    def test_a_phone_number_in_the_hardware_id_is_masked(self) -> None:
        assert reading(deviceId="owner 9876543210").device_id == "owner <phone number>"

    def test_a_phone_number_at_the_end_of_a_shortened_text_is_masked(self) -> None:
        assert document({"address": "x" * 250 + " +919876543210"}).address == "x" * 250 + " <phon"

    @pytest.mark.parametrize(
        "text",
        [
            "Rohini Sector 22, Delhi 110085",
            "veChargePoint0125896",
            "VC9876543210",
            "61dc307faf72d17afc57e385",
            "Plot 12-14, Block C, 1st floor, 560034",
            "356938035643809",
            "2022-01-10 13:57",
            "12:34:56:78:9a:bc",
        ],
    )
    def test_other_numbers_are_not_masked(self, text: str) -> None:
        assert document({"address": text, "partnerId": text}).address == text

    @pytest.mark.parametrize("value", [5, True, [], {}], ids=repr)
    def test_a_text_field_that_is_not_text_is_absent_and_named(self, value: object) -> None:
        event = document({"address": value})
        assert (event.address, event.invalid_fields) == (None, ("address",))


class TestPosition:
    """GeoJSON: the longitude comes first."""

    def test_longitude_first(self) -> None:
        event = document({"location": {"type": "Point", "coordinates": [77.0608, 28.7186]}})
        assert (event.longitude_degrees, event.latitude_degrees) == (77.0608, 28.7186)

    def test_minus_zero_is_zero(self) -> None:
        event = document({"location": {"coordinates": [-0.0, "-0.00"]}})
        assert (str(event.longitude_degrees), str(event.latitude_degrees)) == ("0.0", "0.0")

    def test_coordinates_may_be_text_and_a_height_is_ignored(self) -> None:
        event = document({"location": {"coordinates": ["-180", "90", 216]}})
        assert (event.longitude_degrees, event.latitude_degrees) == (-180.0, 90.0)

    @pytest.mark.parametrize(
        "location",
        [
            {},
            [],
            "here",
            {"coordinates": None},
            {"coordinates": []},
            {"coordinates": [77]},
            {"coordinates": [180.1, 0]},
            {"coordinates": [0, 90.1]},
            {"coordinates": ["x", 0]},
            {"coordinates": [0, math.nan]},
            {"coordinates": {"0": 77, "1": 28}},
        ],
        ids=repr,
    )
    def test_an_invalid_position_is_absent_and_named(self, location: object) -> None:
        event = document({"location": location})
        assert (event.longitude_degrees, event.latitude_degrees) == (None, None)
        assert event.invalid_fields == ("location",)


class TestUser:
    """A user becomes a fingerprint, which shows only that the user has changed."""

    def test_the_same_user_has_the_same_fingerprint_in_document_and_log(self) -> None:
        assert document({"currentUser": "a"}).user == reading(userId="a").user is not None

    def test_another_user_has_another_fingerprint(self) -> None:
        assert reading(userId="a").user != reading(userId="b").user

    @pytest.mark.parametrize("value", [None, "", 5, {}, []], ids=repr)
    def test_an_invalid_user_has_no_fingerprint(self, value: object) -> None:
        assert reading(userId=value).user is None


def test_valid_fields_are_used_beside_an_invalid_one() -> None:
    event = reading(voltage="abc", current="7.00", power="1577.80", energy=0.25, createdAt="2022-01-10T13:57:59Z")
    assert event == Reading(
        current_amperes=7.0,
        power_watts=1577.8,
        session_energy_joules=900_000.0,
        created_unix=1_641_823_079.0,
        invalid_fields=("voltage",),
    )
