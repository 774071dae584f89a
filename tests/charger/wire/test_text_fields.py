"""Fields that are not numbers: status, booleans, texts and users."""

import pytest

from exporter.charger.events import Status
from tests.charger.wire.fields import document, reading


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


class TestUser:
    """A user becomes a fingerprint, which shows only that the user has changed."""

    def test_the_same_user_has_the_same_fingerprint_in_document_and_log(self) -> None:
        assert document({"currentUser": "a"}).user == reading(userId="a").user is not None

    def test_another_user_has_another_fingerprint(self) -> None:
        assert reading(userId="a").user != reading(userId="b").user

    @pytest.mark.parametrize("value", [None, "", 5, {}, []], ids=repr)
    def test_an_invalid_user_has_no_fingerprint(self, value: object) -> None:
        assert reading(userId=value).user is None
