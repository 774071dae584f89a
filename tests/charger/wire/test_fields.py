"""Fields that are numbers, times and positions: where they are, their units, and invalid values."""

import math
import time
from typing import Any

import pytest

from exporter.charger.events import ChargerDocument, Reading, Status
from exporter.charger.wire import decode
from tests.charger.wire.fields import document, reading


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

    @pytest.mark.parametrize("value", [0, "0", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
    def test_a_clock_that_was_never_set_shows_no_time(self, value: object) -> None:
        event = reading(createdAt=value)
        assert event.created_unix is None
        assert event.invalid_fields == ()

    def test_a_clock_that_began_at_zero_shows_a_time(self) -> None:
        assert reading(createdAt=0.5).created_unix == 0.5

    def test_a_time_without_an_offset_is_utc_in_any_time_zone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        try:
            assert reading(createdAt="1970-01-01T00:00:01").created_unix == 1
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


def test_valid_fields_are_used_beside_an_invalid_one() -> None:
    event = reading(voltage="abc", current="7.00", power="1577.80", energy=0.25, createdAt="2022-01-10T13:57:59Z")
    assert event == Reading(
        current_amperes=7.0,
        power_watts=1577.8,
        session_energy_joules=900_000.0,
        created_unix=1_641_823_079.0,
        invalid_fields=("voltage",),
    )
