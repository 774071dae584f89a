"""Whatever changes a charger marks it: for the next commit, and for the next page."""

from dataclasses import replace

from exporter.charger.account import Account
from exporter.charger.charger import Changes, Charger, Rules
from exporter.charger.clock import Moment
from exporter.charger.events import ChargerDocument, Connected
from exporter.charger.process_stats import ExporterProcess
from exporter.metrics.render import Exposition

NOW = Moment(1_700_000_000.0, 1000.0)
RULES = Rules(expose_location=False)


class Shown:
    """A charger and a page over it that is never made anew."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.account = Account("delhi")
        self.charger = Charger("test", "Rohini", self.account, RULES, NOW.unix, changes=self.changes)
        self._exposition = Exposition([self.charger], self.changes.unrendered)

    def page(self) -> str:
        process = ExporterProcess("1", "2", "3")
        return self._exposition.render([self.account], process, NOW, openmetrics=False).decode()


def test_an_event_marks_the_charger_as_unsaved_and_unrendered() -> None:
    shown = Shown()
    shown.charger.apply(Connected(), NOW)
    assert shown.changes.unsaved == shown.changes.unrendered == {shown.charger}


def test_a_saved_state_is_on_the_next_page() -> None:
    shown = Shown()
    shown.charger.apply(ChargerDocument(session_energy_joules=3_600_000.0), NOW)
    assert "vecharge_charger_energy_joules_total{" not in shown.page()
    shown.charger.saved(shown.charger.kept_state())
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
