"""Voltage, current and power: the last reading, until it is stale."""

from typing import Any

import pytest

from exporter.charger.charger import Rules
from tests.charger.watched import ABSENT, DAY, STALE_AFTER, Watched

MEASURES = ("voltage_volts", "current_amperes", "power_watts")


def test_the_last_reading_is_shown(charging: Watched) -> None:
    assert [charging.shows(name) for name in MEASURES] == [230.0, 30.5, 7015.0]
    charging.wait(10)
    charging.log(voltage="229.50", current="31.00", power="7114.50")
    assert [charging.shows(name) for name in MEASURES] == [229.5, 31.0, 7114.5]


@pytest.mark.parametrize("name", MEASURES)
def test_absent_before_the_first_reading(charger: Watched, name: str) -> None:
    assert charger.shows(name) is None
    charger.connect()
    charger.document(status="ON")
    assert charger.shows(name) is None


@pytest.mark.parametrize("name", MEASURES)
def test_absent_when_older_than_stale_after(charging: Watched, name: str) -> None:
    charging.wait(STALE_AFTER)
    assert charging.shows(name) is not None
    charging.wait(1)
    assert charging.shows(name) is None


@pytest.mark.parametrize("name", MEASURES)
def test_shown_during_a_short_interruption_of_the_stream(charging: Watched, name: str) -> None:
    charging.disconnect()
    assert charging.shows(name) is not None


@pytest.mark.parametrize("set_by_seconds", [DAY, -DAY])
@pytest.mark.parametrize("name", MEASURES)
def test_setting_the_clock_of_the_machine_does_not_change_the_age_of_a_reading(
    charging: Watched, name: str, set_by_seconds: float
) -> None:
    charging.wait(STALE_AFTER)
    charging.set_clock(set_by_seconds)
    assert charging.shows(name) is not None
    charging.wait(1)
    assert charging.shows(name) is None


def test_the_age_is_the_time_since_receipt(charger: Watched) -> None:
    charger.connect()
    charger.log(written=charger.now.unix - DAY)
    assert charger.shows("voltage_volts") == 230.0


def test_a_duplicate_log_does_not_renew_a_reading(charging: Watched) -> None:
    written = charging.now.unix
    charging.wait(STALE_AFTER)
    charging.log(written=written, voltage="1.00")
    charging.log(written=written - 10, voltage="2.00")
    assert charging.shows("voltage_volts") == 230.0
    charging.wait(1)
    assert charging.shows("voltage_volts") is None


def test_while_off_voltage_is_absent_and_current_and_power_are_0(charging: Watched) -> None:
    charging.switch("OFF")
    assert [charging.shows(name) for name in MEASURES] == [None, 0, 0]


def test_while_off_current_and_power_are_0_for_any_time(charging: Watched) -> None:
    charging.switch("OFF")
    charging.wait(DAY)
    assert [charging.shows(name) for name in MEASURES] == [None, 0, 0]


def test_a_charger_that_is_off_shows_0_without_a_reading(charger: Watched) -> None:
    charger.connect()
    charger.document(status="OFF")
    assert [charger.shows(name) for name in MEASURES] == [None, 0, 0]


def test_a_late_log_of_a_charger_that_is_off_shows_no_power(charging: Watched) -> None:
    charging.switch("OFF")
    charging.wait(1)
    charging.log()
    assert [charging.shows(name) for name in MEASURES] == [None, 0, 0]
    assert charging.shows("status", "off") is True


def test_readings_from_before_the_charger_was_off_are_not_shown(charging: Watched) -> None:
    charging.switch("OFF")
    charging.wait(1)
    charging.switch("ON")
    assert [charging.shows(name) for name in MEASURES] == [None, None, None]


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("voltage", [None, 30.5, 7015.0, 1.6 * 3.6e6]),
        ("current", [230.0, None, 7015.0, 1.6 * 3.6e6]),
        ("power", [230.0, 30.5, None, 1.6 * 3.6e6]),
        ("energy", [230.0, 30.5, 7015.0, 1.5 * 3.6e6]),
    ],
)
@pytest.mark.parametrize("bad", ["abc", "-5", "NaN", [], {}, True], ids=repr)
def test_valid_fields_are_used_beside_an_invalid_one(
    charging: Watched, field: str, shown: list[float | None], bad: object
) -> None:
    charging.wait(60)
    fields: dict[str, Any] = {"energy": 1.6, field: bad}
    charging.log(**fields)
    assert [charging.shows(name) for name in (*MEASURES, "energy_joules_total")] == shown


@pytest.mark.parametrize("field", ["voltage", "current", "power"])
def test_a_field_that_a_log_lacks_is_absent_instead_of_the_previous_value(charging: Watched, field: str) -> None:
    charging.wait(10)
    fields: dict[str, Any] = {field: ABSENT}
    charging.log(**fields)
    shown = dict(zip(("voltage", "current", "power"), (charging.shows(name) for name in MEASURES), strict=True))
    assert [name for name, value in shown.items() if value is None] == [field]


def test_the_other_readings_are_shown_if_the_energy_is_rejected(charging: Watched) -> None:
    charging.wait(10)
    charging.log(energy=0, voltage="231.00")
    assert charging.shows("voltage_volts") == 231.0
    assert charging.shows("energy_joules_total") == 1.5 * 3.6e6


class TestCounts:
    """`readings_total`, `readings_rejected_total`, and the account's reasons."""

    def test_an_accepted_reading_is_counted(self, charging: Watched) -> None:
        assert charging.shows("readings_total") == 1
        assert charging.shows("readings_rejected_total") == 0

    @pytest.mark.parametrize(
        ("reason", "fields"),
        [
            ("duplicate", {"written": 0.0}),
            ("out_of_order", {"written": -1.0}),
            ("invalid", {"energy": -1}),
            ("invalid", {"energy": "abc"}),
            ("invalid", {"energy": 2_800_000}),
            ("implausible", {"energy": 900}),
            ("energy_glitch", {"energy": 0}),
        ],
    )
    def test_a_rejected_reading_is_counted_with_its_reason(
        self, charging: Watched, reason: str, fields: dict[str, float | str]
    ) -> None:
        last = charging.now.unix
        charging.wait(10)
        fields = dict(fields)
        written = fields.pop("written", None)
        charging.log(written=last + float(written) if written is not None else None, **fields)
        assert charging.shows("readings_total") == 1
        assert charging.shows("readings_rejected_total") == 1
        reasons = ("duplicate", "out_of_order", "invalid", "implausible", "energy_glitch")
        counts = {name: charging.account_shows("readings_rejected_total", name) for name in reasons}
        assert {name for name, count in counts.items() if count} == {reason}
        assert counts[reason] == 1

    def test_the_greatest_power_is_configurable(self) -> None:
        charger = Watched(Rules(max_power_watts=7_000))
        charger.log(energy=0)
        charger.wait(60)
        charger.log(energy=5)
        assert charger.account_shows("readings_rejected_total", "implausible") == 1

    def test_an_undecodable_payload_is_not_a_reading(self, charging: Watched) -> None:
        charging.receive("newLog", "{")
        assert charging.shows("readings_total") == 1
        assert charging.shows("readings_rejected_total") == 0


def test_a_log_without_values_is_not_a_reading_and_changes_nothing(charging: Watched) -> None:
    before = charging.shows("power_watts"), charging.shows("readings_total")
    assert charging.receive("newLog", {"unheard": "of"})
    assert (charging.shows("power_watts"), charging.shows("readings_total")) == before
    assert charging.account_shows("decode_errors_total", "newLog") == 1


def test_a_long_id_is_compared_completely(charger: Watched) -> None:
    long_id = "x" * 1000
    charger.charger.charger_id = long_id
    charger.log(chargerId=long_id)
    charger.log(chargerId=long_id + "y", written=charger.now.unix + 1)
    assert charger.shows("readings_total") == 1
