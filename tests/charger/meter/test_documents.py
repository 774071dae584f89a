"""The document of a charger that is OFF, and logs from before and after it."""

import pytest

from exporter.charger.events import OFF, ChargerDocument, Reading
from exporter.charger.meter import EnergyMeter
from tests.charger.meter.metered import KWH
from tests.charger.meter.situation import NOON


@pytest.fixture
def meter() -> EnergyMeter:
    """A session of 1.00 kWh, and an hour later a document with 1.50 kWh."""
    meter = EnergyMeter(400_000)
    for log in range(51):
        log_at(meter, 0.02 * log, NOON + 10 * log, NOON + 10 * log)
    meter.switched_off(NOON + 505)
    meter.gap()
    meter.document(ChargerDocument(status=OFF, session_energy_joules=1.5 * KWH), NOON + 3600)
    return meter


def log_at(meter: EnergyMeter, kwh: float, written: float, received: float) -> None:
    log = Reading(session_energy_joules=kwh * KWH, created_unix=written, power_watts=7200.0)
    meter.observe(log, received)


def test_a_document_raises_the_session_that_ended(meter: EnergyMeter) -> None:
    assert meter.total_joules == 1.5 * KWH


def test_a_log_from_before_the_document_belongs_to_the_session_that_ended(meter: EnergyMeter) -> None:
    log_at(meter, 0.1, NOON + 3590, NOON + 3605)
    assert meter.total_joules == (1.0 + 1.5) * KWH


@pytest.mark.parametrize("after", [0.0, 1.0])
def test_a_log_from_after_the_document_begins_another_session(meter: EnergyMeter, after: float) -> None:
    log_at(meter, 0.1, NOON + 3600 + after, NOON + 3600 + after)
    assert meter.total_joules == (1.5 + 0.1) * KWH


def test_a_second_document_with_less_energy_changes_nothing(meter: EnergyMeter) -> None:
    meter.document(ChargerDocument(status=OFF, session_energy_joules=1.2 * KWH), NOON + 3700)
    assert meter.total_joules == 1.5 * KWH
    assert meter.session_joules == 1.5 * KWH


def test_the_energy_of_a_document_survives_a_restart(meter: EnergyMeter) -> None:
    restarted = EnergyMeter(400_000, meter.state())
    log_at(restarted, 0.1, NOON + 3590, NOON + 3605)
    assert restarted.total_joules == (1.0 + 1.5) * KWH
