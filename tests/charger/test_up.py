"""`vecharge_charger_up`: whether the charger can be reached now."""

import pytest

from exporter.charger.charger import Rules
from exporter.charger.events import GARBLED, ConnectFailed, Disconnection, TokenInUse
from exporter.errors import ConnectFailure
from tests.charger.watched import DAY, KWH, NOON, STALE_AFTER, Watched


def test_a_charger_that_charges_and_sends_logs_is_up(charging: Watched) -> None:
    assert charging.shows("up") is True


def test_a_charger_is_down_at_the_start(charger: Watched) -> None:
    assert charger.shows("up") is False


def test_a_charger_is_down_until_an_event_arrives(charger: Watched) -> None:
    charger.connect()
    assert charger.shows("up") is False


def test_while_off_one_event_over_this_connection_is_enough(charger: Watched) -> None:
    charger.connect()
    charger.document()
    assert charger.shows("up") is True


@pytest.mark.parametrize("name", ["somethingNew", "error", "statusChanged"])
def test_an_event_of_any_kind_counts_as_heard(charger: Watched, name: str) -> None:
    charger.connect()
    charger.receive(name)
    assert charger.shows("up") is True


def test_an_event_over_the_previous_connection_does_not_count(charger: Watched) -> None:
    charger.connect()
    charger.document()
    charger.disconnect()
    charger.connect()
    assert charger.shows("up") is False
    charger.document()
    assert charger.shows("up") is True


@pytest.mark.parametrize("reason", Disconnection)
def test_a_stream_that_ended_is_down(charging: Watched, reason: Disconnection) -> None:
    charging.disconnect(reason)
    assert charging.shows("up") is False


@pytest.mark.parametrize("event", [TokenInUse(NOON), ConnectFailed(ConnectFailure.TIMEOUT)], ids=type)
def test_an_event_of_the_stream_itself_is_not_an_event_of_the_charger(charger: Watched, event: TokenInUse) -> None:
    charger.connect()
    charger.apply(event)
    assert charger.shows("up") is False


def test_wifi_reported_as_down_is_down(charger: Watched) -> None:
    charger.connect()
    charger.document(wifiConnectivity=False)
    assert charger.shows("up") is False


def test_a_charger_whose_wifi_is_not_reported_can_be_up(charger: Watched) -> None:
    charger.connect()
    charger.document(wifiConnectivity=None)
    assert charger.shows("up") is True


def test_a_dropped_charger_is_down(charging: Watched) -> None:
    charging.receive("chargerDisconnected")
    assert charging.shows("up") is False


def test_a_dropped_charger_stays_down_after_a_reconnection(charging: Watched) -> None:
    charging.receive("chargerDisconnected")
    charging.disconnect()
    charging.connect()
    charging.receive("error", "Charger already connected to other device")
    assert charging.shows("up") is False


@pytest.mark.parametrize("word", ["document", "log"])
def test_a_dropped_charger_is_up_after_a_document_or_a_log(charging: Watched, word: str) -> None:
    charging.receive("chargerDisconnected")
    charging.wait(10)
    if word == "document":
        charging.document(status="ON")
    else:
        charging.log()
    assert charging.shows("up") is True


def test_while_on_a_charger_with_a_stale_reading_is_down(charging: Watched) -> None:
    charging.wait(STALE_AFTER)
    assert charging.shows("up") is True
    charging.wait(1)
    assert charging.shows("up") is False


def test_a_stale_charger_is_up_after_the_next_reading(charging: Watched) -> None:
    charging.wait(STALE_AFTER + 1)
    charging.log()
    assert charging.shows("up") is True


def test_other_events_do_not_make_a_stale_charger_up(charging: Watched) -> None:
    charging.wait(STALE_AFTER + 1)
    charging.document(status="ON")
    charging.switch("ON")
    assert charging.shows("up") is False


def test_a_duplicate_log_does_not_make_a_stale_charger_up(charging: Watched) -> None:
    written = charging.now.unix
    charging.wait(STALE_AFTER + 1)
    charging.log(written=written)
    charging.log(written=written - 10)
    assert charging.shows("up") is False


def test_a_reading_is_not_needed_while_off(charging: Watched) -> None:
    charging.switch("OFF")
    charging.wait(DAY)
    assert charging.shows("up") is True


def test_a_charger_just_switched_on_has_stale_after_to_send_its_first_log(charger: Watched) -> None:
    charger.connect()
    charger.document()
    charger.wait(DAY)
    charger.switch("ON")
    assert charger.shows("up") is True
    charger.wait(STALE_AFTER)
    assert charger.shows("up") is True
    charger.wait(1)
    assert charger.shows("up") is False


@pytest.mark.parametrize("stale_after", [60, 1000])
def test_stale_after_is_configurable(stale_after: float) -> None:
    charger = Watched(Rules(stale_after_seconds=stale_after))
    charger.connect()
    for _ in range(5):
        charger.log(energy=None)
        charger.wait(10)
    charger.wait(stale_after - 10)
    assert charger.shows("up") is True
    charger.wait(1)
    assert charger.shows("up") is False


def test_an_invalid_packet_is_not_an_event_of_the_charger(charger: Watched) -> None:
    charger.connect()
    charger.apply(GARBLED)
    assert charger.shows("up") is False


def test_an_event_before_the_connection_is_used_but_the_charger_stays_down(charger: Watched) -> None:
    charger.document(prev_energy=2)
    assert charger.shows("previous_energy_joules") == 2 * KWH
    assert charger.shows("up") is False


class TestAutomatic:
    """`stale_after: auto`: three times the charger's own usual interval, at least 5 minutes, at most an hour."""

    def charging(self, *intervals: float) -> Watched:
        """A charger that is on and has just sent its last log, after these intervals."""
        charger = Watched(Rules())
        charger.connect()
        charger.document()
        charger.switch("ON")
        charger.log()
        for seconds in intervals:
            charger.wait(seconds)
            charger.log(energy=None)
        return charger

    def assert_up_for(self, charger: Watched, seconds: float) -> None:
        charger.wait(seconds)
        assert charger.shows("up") is True
        assert charger.shows("power_watts") == 7015.0
        charger.wait(1)
        assert charger.shows("up") is False
        assert charger.shows("power_watts") is None

    @pytest.mark.parametrize(
        ("interval", "seconds"), [(10, 300), (100, 300), (101, 303), (900, 2700), (1200, 3600), (5000, 3600)]
    )
    def test_three_times_the_usual_interval_within_bounds(self, interval: float, seconds: float) -> None:
        self.assert_up_for(self.charging(*[interval] * 8), seconds)

    def test_a_charger_that_logs_every_15_minutes_is_never_down_in_between(self) -> None:
        charger = self.charging()
        for _ in range(10):
            charger.wait(899)
            assert charger.shows("up") is True
            charger.wait(1)
            charger.log(energy=None)

    def test_one_long_gap_does_not_change_the_usual_interval(self) -> None:
        self.assert_up_for(self.charging(*[10] * 4, 7200, *[10] * 2), 300)

    def test_the_usual_interval_follows_a_charger_that_logs_less_often(self) -> None:
        self.assert_up_for(self.charging(*[10] * 7, *[900] * 4), 2700)

    def test_the_usual_interval_is_the_median_of_the_last_seven(self) -> None:
        self.assert_up_for(self.charging(1000, 200, 200, 200, 1000, 1000, 1000, 200), 600)

    def test_the_pause_between_two_sessions_is_not_an_interval(self) -> None:
        charger = self.charging(*[10] * 3)
        for _ in range(7):
            charger.switch("OFF")
            charger.wait(DAY)
            charger.switch("ON")
            charger.wait(1000)
            charger.log(energy=None)
        self.assert_up_for(charger, 300)

    @pytest.mark.parametrize("logs", [0, 1, 2])
    def test_an_hour_until_the_usual_interval_is_known(self, logs: int) -> None:
        self.assert_up_for(self.charging(*[10] * logs), 3600)

    def test_a_changed_stale_after_applies_at_once(self) -> None:
        charger = self.charging(*[10] * 3)
        charger.charger.set_configuration(None, charger.account, Rules(stale_after_seconds=60))
        self.assert_up_for(charger, 60)
        charger.charger.set_configuration(None, charger.account, Rules())
        self.assert_up_for(charger, 300 - 61)
