"""Every change of a charger marks it for the next commit and the next page."""

from dataclasses import replace

from exporter.charger.account import Account
from exporter.charger.changes import Changes
from exporter.charger.charger import Charger, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import OFF, ChargerDocument, ChargerDropped, Connected, Reading, StatusChange
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.render import Exposition
from tests.charger.saving import save

NOW = Moment(1_700_000_000.0, 1000.0)
RULES = Rules(expose_location=False)


class Shown:
    """A charger and a page that keeps its cached lines."""

    def __init__(self) -> None:
        self.kept: list[Charger] = []
        self.changes = Changes(self.kept.append)
        self.account = Account("delhi")
        self.charger = Charger("test", "Rohini", self.account, RULES, NOW.unix, changes=self.changes)
        self._exposition = Exposition([self.charger], self.changes)

    def page(self) -> str:
        process = ExporterProcess("1", "2", "3")
        return self._exposition.render([self.account], process, NOW, openmetrics=False).decode()


def test_an_event_marks_the_charger_as_unrendered_and_keeps_its_state() -> None:
    shown = Shown()
    shown.charger.apply(Connected(), NOW)
    assert shown.kept == [shown.charger]
    assert list(shown.changes.unrendered) == [shown.charger]


def test_a_saved_state_is_on_the_next_page() -> None:
    shown = Shown()
    shown.charger.apply(ChargerDocument(session_energy_joules=3_600_000.0), NOW)
    assert "vecharge_charger_energy_joules_total{" not in shown.page()
    save(shown.charger)
    assert 'vecharge_charger_energy_joules_total{charger_id="test"} 3.6e+06\n' in shown.page()


def test_a_changed_configuration_is_on_the_next_page() -> None:
    shown = Shown()
    shown.charger.apply(ChargerDocument(latitude_degrees=28.5, longitude_degrees=77.0), NOW)
    page = shown.page()
    assert 'name="Rohini"' in page
    assert "latitude" not in page
    shown.charger.set_configuration("Sector 22", Account("agra"), replace(RULES, expose_location=True))
    page = shown.page()
    assert 'account="agra"' in page
    assert 'name="Sector 22"' in page
    assert 'vecharge_charger_latitude_degrees{charger_id="test"} 28.5\n' in page


LOG = Reading(power_watts=7000.0)


def test_the_status_that_a_log_proves_is_on_the_next_page() -> None:
    shown = Shown()
    assert 'vecharge_charger_status{charger_id="test",status="on"} 0.0\n' in shown.page()
    shown.charger.apply(LOG, NOW)
    assert 'vecharge_charger_status{charger_id="test",status="on"} 1.0\n' in shown.page()


def test_the_wifi_that_a_log_proves_is_on_the_next_page() -> None:
    shown = Shown()
    shown.charger.apply(LOG, NOW)
    shown.charger.apply(ChargerDropped(), NOW)
    assert 'vecharge_charger_wifi_connected{charger_id="test"} 0.0\n' in shown.page()
    shown.charger.apply(LOG, NOW)
    assert 'vecharge_charger_wifi_connected{charger_id="test"} 1.0\n' in shown.page()


def test_the_hardware_id_of_a_log_is_on_the_next_page() -> None:
    shown = Shown()
    shown.charger.apply(LOG, NOW)
    assert 'device_id=""' in shown.page()
    shown.charger.apply(Reading(power_watts=7000.0, device_id="device-1"), NOW)
    assert 'device_id="device-1"' in shown.page()


def test_changes_by_other_events_are_on_the_next_page() -> None:
    shown = Shown()
    shown.page()
    shown.charger.apply(Connected(), NOW)
    assert 'vecharge_stream_connected{charger_id="test"} 1.0\n' in shown.page()
    shown.charger.apply(StatusChange(OFF), NOW)
    assert 'vecharge_charger_status{charger_id="test",status="off"} 1.0\n' in shown.page()
    shown.charger.apply(ChargerDropped(), NOW)
    assert 'vecharge_charger_wifi_connected{charger_id="test"} 0.0\n' in shown.page()
    shown.charger.apply(ChargerDocument(operator="veCharge"), NOW)
    assert 'operator="veCharge"' in shown.page()
