"""The status of a charger, and the start of its session."""

import pytest

from exporter.charger.notice import SWITCHED_OFF, SWITCHED_ON, Notice
from tests.charger.watched import DAY, Watched

STATUSES = ("on", "off", "unknown")


def status(charger: Watched) -> list[str]:
    return [status for status in STATUSES if charger.shows("status", status)]


def test_unknown_before_the_first_report(charger: Watched) -> None:
    assert status(charger) == ["unknown"]
    charger.connect()
    charger.document(status=None)
    assert status(charger) == ["unknown"]


@pytest.mark.parametrize("name", ["document", "switch"])
@pytest.mark.parametrize(("reported", "shown"), [("ON", "on"), ("OFF", "off")])
def test_the_last_status_that_was_reported(charger: Watched, name: str, reported: str, shown: str) -> None:
    if name == "document":
        charger.document(status=reported)
    else:
        charger.switch(reported)
    assert status(charger) == [shown]


@pytest.mark.parametrize("reported", ["STANDBY", 1, True, None, []])
def test_an_invalid_status_leaves_the_last_one(charging: Watched, reported: object) -> None:
    charging.document(status=reported)
    charging.receive("statusChanged", {"status": reported})
    assert status(charging) == ["on"]


def test_it_stays_over_a_disconnection(charging: Watched) -> None:
    charging.disconnect()
    assert status(charging) == ["on"]


def test_a_log_while_unknown_means_on(charger: Watched) -> None:
    charger.log()
    assert status(charger) == ["on"]


def test_a_duplicate_log_does_not_change_the_status(charging: Watched) -> None:
    charging.switch("OFF")
    charging.log()
    assert status(charging) == ["off"]


def test_a_late_log_does_not_switch_a_charger_on(charging: Watched) -> None:
    charging.switch("OFF")
    charging.wait(1)
    charging.log()
    assert status(charging) == ["off"]


def test_a_late_log_still_counts_its_energy(charging: Watched) -> None:
    charging.switch("OFF")
    charging.wait(10)
    charging.log(energy=1.51)
    assert charging.shows("energy_joules_total") == pytest.approx(1.51 * 3.6e6)
    assert charging.shows("sessions_total") == 1


@pytest.mark.parametrize(("reported", "notice"), [("ON", SWITCHED_ON), ("OFF", SWITCHED_OFF)])
def test_a_change_of_status_is_logged_but_not_the_first_report(charger: Watched, reported: str, notice: Notice) -> None:
    assert charger.switch(reported) == ()
    assert charger.switch("OFF" if reported == "ON" else "ON") != ()
    assert charger.switch(reported) == (notice,)
    assert charger.switch(reported) == ()


class TestSessionStart:
    """`session_start_timestamp_seconds`: when the running session began, by the charger's own clock."""

    def test_absent_while_not_on(self, charger: Watched) -> None:
        assert charger.shows("session_start_timestamp_seconds") is None
        charger.document()
        assert charger.shows("session_start_timestamp_seconds") is None

    def test_it_is_when_the_charger_was_switched_on(self, charging: Watched) -> None:
        assert charging.shows("session_start_timestamp_seconds") == charging.now.unix - 10

    def test_it_is_when_a_running_session_was_first_seen(self, charger: Watched) -> None:
        charger.wait(10)
        charger.log()
        assert charger.shows("session_start_timestamp_seconds") == charger.now.unix

    def test_it_stays_while_the_session_goes_on(self, charging: Watched) -> None:
        began = charging.shows("session_start_timestamp_seconds")
        charging.wait(10)
        charging.log(energy=1.51)
        charging.disconnect()
        charging.wait(DAY)
        charging.connect()
        charging.document(status="ON", energy=1.51)
        charging.log(energy=1.6)
        assert charging.shows("session_start_timestamp_seconds") == began

    def test_absent_again_when_switched_off(self, charging: Watched) -> None:
        charging.switch("OFF")
        assert charging.shows("session_start_timestamp_seconds") is None

    def test_another_user_has_another_session(self, charging: Watched) -> None:
        charging.wait(60)
        charging.log(userId="user-b", energy=0.1)
        assert charging.shows("session_start_timestamp_seconds") == charging.now.unix

    def test_the_first_log_of_a_session_does_not_move_its_start(self, charging: Watched) -> None:
        charging.switch("OFF")
        charging.wait(60)
        charging.switch("ON")
        began = charging.now.unix
        charging.wait(10)
        charging.log(energy=0.02)
        assert charging.shows("session_start_timestamp_seconds") == began
        assert charging.shows("sessions_total") == 2
