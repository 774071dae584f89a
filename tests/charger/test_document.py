"""The values of a charger that its document and other events set."""

import pytest

from exporter.charger.charger import Rules
from exporter.charger.notice import DROPPED, ignored
from tests.charger.watched import Watched

REPORTED = {
    "prev_energy": 36.44,
    "isActive": True,
    "desiredDgStatus": "OFF",
    "reportedDgStatus": "ON",
    "connectedTimestamp": "2022-01-10T13:55:58.347Z",
}
SHOWN = {
    ("previous_energy_joules", ""): 131_184_000.0,
    ("active", ""): True,
    ("generator_on", "desired"): False,
    ("generator_on", "reported"): True,
    ("connected_timestamp_seconds", ""): 1_641_822_958.347,
    ("wifi_connected", ""): True,
}
POSITION = {"type": "Point", "coordinates": [77.0608, 28.7186]}


@pytest.mark.parametrize(("metric", "label"), SHOWN)
def test_absent_where_not_reported(charger: Watched, metric: str, label: str) -> None:
    assert charger.shows(metric, label) is None
    charger.document(wifiConnectivity=None)
    assert charger.shows(metric, label) is None


@pytest.mark.parametrize(("metric", "label"), SHOWN)
def test_shown_as_reported(charger: Watched, metric: str, label: str) -> None:
    charger.document(**REPORTED)
    assert charger.shows(metric, label) == SHOWN[metric, label]


def test_the_last_document_applies(charger: Watched) -> None:
    charger.document(**REPORTED)
    charger.document(isActive=False)
    assert charger.shows("active") is False
    assert charger.shows("connected_timestamp_seconds") is None


class TestWifi:
    """`wifi_connected`: `wifiConnectivity`, 0 after `chargerDisconnected`."""

    def test_down_as_reported(self, charger: Watched) -> None:
        charger.document(wifiConnectivity=False)
        assert charger.shows("wifi_connected") is False

    def test_down_after_the_charger_dropped(self, charging: Watched) -> None:
        assert charging.receive("chargerDisconnected") == (DROPPED,)
        assert charging.shows("wifi_connected") is False

    def test_still_down_after_a_document_without_the_field(self, charging: Watched) -> None:
        charging.receive("chargerDisconnected")
        charging.document(status="ON", wifiConnectivity=None)
        assert charging.shows("wifi_connected") is False

    def test_up_again_with_a_log(self, charging: Watched) -> None:
        charging.receive("chargerDisconnected")
        charging.wait(10)
        charging.log()
        assert charging.shows("wifi_connected") is True

    def test_still_down_after_a_late_log(self, charging: Watched) -> None:
        written = charging.now.unix
        charging.receive("chargerDisconnected")
        charging.log(written=written)
        assert charging.shows("wifi_connected") is False

    def test_a_log_does_not_report_it(self, charger: Watched) -> None:
        charger.log()
        assert charger.shows("wifi_connected") is None


class TestPosition:
    """Latitude and longitude are shown only if enabled."""

    def test_absent_by_default(self, charger: Watched) -> None:
        charger.document(location=POSITION)
        assert charger.shows("latitude_degrees") is None
        assert charger.shows("longitude_degrees") is None

    def test_shown_if_enabled(self) -> None:
        charger = Watched(Rules(expose_location=True))
        charger.document(location=POSITION)
        assert charger.shows("longitude_degrees") == 77.0608
        assert charger.shows("latitude_degrees") == 28.7186

    def test_absent_where_not_reported(self) -> None:
        charger = Watched(Rules(expose_location=True))
        charger.document()
        assert charger.shows("latitude_degrees") is None


class TestInfo:
    """`vecharge_charger_info`: one series per charger; an unknown label is empty."""

    def test_all_of_its_labels(self) -> None:
        charger = Watched(name="Rohini")
        charger.document(
            operator="veChargerCommunity",
            partnerId="61dc307faf72d17afc57e385",
            chargerMode="PUBLIC",
            address="Sector 22",
            detail="behind the gate",
        )
        charger.log()
        assert charger.info() == {
            "name": "Rohini",
            "account": "delhi",
            "device_id": "device-1",
            "operator": "veChargerCommunity",
            "partner_id": "61dc307faf72d17afc57e385",
            "mode": "PUBLIC",
            "address": "Sector 22",
            "detail": "behind the gate",
        }

    def test_unknown_labels_are_empty(self, charger: Watched) -> None:
        assert charger.info() == {
            "name": "",
            "account": "delhi",
            "device_id": "",
            "operator": "",
            "partner_id": "",
            "mode": "",
            "address": "",
            "detail": "",
        }

    def test_always_1(self, charger: Watched) -> None:
        assert charger.shows("info") == 1

    def test_it_does_not_contain_the_user(self) -> None:
        charger = Watched()
        charger.document(currentUser="pulse-test-user", chargerPrivateUsers=["+911234567890"], privateKey="pem")
        charger.log(userId="pulse-test-user")
        assert not {"pulse-test-user", "+911234567890", "pem"} & set(charger.info().values())


class TestAnotherCharger:
    """Values of another charger are not shown for this one."""

    def test_a_document_of_another_charger_changes_nothing(self, charging: Watched) -> None:
        assert charging.document(_id="other", status="OFF", operator="other") == (
            ignored("payload of another charger", "chargerConnected"),
        )
        assert charging.shows("status", "on") is True
        assert charging.info()["operator"] == ""
        assert charging.account_shows("decode_errors_total", "chargerConnected") == 1

    def test_a_log_of_another_charger_changes_nothing(self, charging: Watched) -> None:
        charging.wait(60)
        assert charging.log(chargerId="other", energy=5, voltage="1") == (
            ignored("payload of another charger", "newLog"),
        )
        assert charging.shows("voltage_volts") == 230
        assert charging.shows("energy_joules_total") == 1.5 * 3.6e6
        assert charging.shows("readings_total") == 1
        assert charging.account_shows("decode_errors_total", "newLog") == 1

    def test_an_event_without_a_charger_id_is_for_this_charger(self, charger: Watched) -> None:
        charger.receive("chargerConnected", {"_doc": {"status": "ON"}})
        charger.receive("newLog", {"voltage": "230"})
        assert charger.shows("voltage_volts") == 230
