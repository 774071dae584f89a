"""The energy of a charger: the effect of events on the meter, and the metrics."""

import pytest

from exporter.charger.charger import Charger, Rules
from tests.charger.watched import KWH, NOON, Watched


def test_the_total_is_absent_before_the_first_document_or_log(charger: Watched) -> None:
    charger.connect()
    charger.switch("ON")
    assert charger.shows("energy_joules_total") is None


def test_the_first_document_of_a_charger_that_is_on_starts_it_at_its_energy(charger: Watched) -> None:
    charger.document(status="ON", energy=1.25)
    assert charger.shows("energy_joules_total") == 1.25 * KWH


def test_the_first_document_of_a_charger_that_is_off_starts_it_at_0(charger: Watched) -> None:
    charger.document(status="OFF", energy=1.25)
    assert charger.shows("energy_joules_total") == 0


def test_a_document_without_energy_starts_it_at_0(charger: Watched) -> None:
    charger.document(energy=None)
    assert charger.shows("energy_joules_total") == 0


def test_a_log_adds_to_it(charging: Watched) -> None:
    charging.wait(60)
    charging.log(energy=1.75)
    assert charging.shows("energy_joules_total") == 1.75 * KWH


@pytest.mark.parametrize("boundary", ["off", "off in a document", "disconnected", "dropped", "another user"])
def test_evidence_that_a_new_session_may_have_begun(charging: Watched, boundary: str) -> None:
    user = "user-a"
    match boundary:
        case "off":
            charging.switch("OFF")
            charging.switch("ON")
        case "off in a document":
            charging.document(status="OFF")
        case "disconnected":
            charging.disconnect()
            charging.connect()
        case "dropped":
            charging.receive("chargerDisconnected")
        case "another user":
            user = "user-b"
    charging.wait(60)
    charging.log(energy=0.25, userId=user)
    assert charging.shows("energy_joules_total") == 1.75 * KWH


@pytest.mark.parametrize("event", ["error", "chargerConnected", "somethingNew"])
def test_events_that_are_not_evidence_of_a_new_session(charging: Watched, event: str) -> None:
    payload = {"chargerConnected": {"_doc": {"status": "ON", "energy": 0}}}
    charging.receive(event, payload.get(event))
    charging.wait(60)
    charging.log(energy=0.25)
    assert charging.shows("energy_joules_total") == 1.5 * KWH
    assert charging.account_shows("readings_rejected_total", "energy_glitch") == 1


def test_a_late_log_does_not_consume_the_evidence_of_the_off(charging: Watched) -> None:
    charging.switch("OFF")
    charging.wait(1)
    charging.log(energy=1.5)
    charging.switch("ON")
    charging.wait(60)
    charging.log(energy=0.25)
    assert charging.shows("energy_joules_total") == 1.75 * KWH


def test_an_off_seen_only_in_a_document_after_a_reconnection_is_evidence(charging: Watched) -> None:
    """The service disconnects on OFF; after the reconnection the document has status OFF."""
    charging.disconnect()
    charging.connect()
    charging.document(status="OFF", energy=1.5)
    charging.switch("ON")
    charging.wait(60)
    charging.log(energy=0.25)
    assert charging.shows("energy_joules_total") == 1.75 * KWH
    assert charging.shows("sessions_total") == 2


def test_a_stale_document_after_a_reconnection_in_mid_session_changes_nothing(charging: Watched) -> None:
    charging.disconnect()
    charging.connect()
    charging.document(status="ON", energy=0)
    charging.wait(60)
    charging.log(energy=1.75)
    assert charging.shows("energy_joules_total") == 1.75 * KWH
    assert charging.shows("sessions_total") == 1


def test_the_session_energy_is_as_reported(charging: Watched) -> None:
    assert charging.shows("session_energy_joules") == 1.5 * KWH
    charging.switch("OFF")
    assert charging.shows("session_energy_joules") == 1.5 * KWH  # of the last session, then
    charging.switch("ON")
    charging.wait(60)
    charging.log(energy=0.25)
    assert charging.shows("session_energy_joules") == 0.25 * KWH


def test_the_session_energy_is_absent_before_the_first(charger: Watched) -> None:
    charger.document(energy=None)
    assert charger.shows("session_energy_joules") is None


def test_the_previous_energy_is_shown_but_not_counted(charger: Watched) -> None:
    assert charger.shows("previous_energy_joules") is None
    charger.document(prev_energy=36.44)
    assert charger.shows("previous_energy_joules") == 131_184_000
    assert charger.shows("energy_joules_total") == 0


def test_the_number_of_sessions_is_never_absent(charger: Watched) -> None:
    assert charger.shows("sessions_total") == 0


def test_only_committed_values_are_shown(charging: Watched) -> None:
    charging.commit()
    charging.disk_is_full = True
    charging.wait(60)
    charging.log(energy=0.25, userId="user-b")
    assert charging.shows("energy_joules_total") == 1.5 * KWH
    assert charging.shows("sessions_total") == 1
    charging.disk_is_full = False
    assert charging.shows("energy_joules_total") == 1.75 * KWH
    assert charging.shows("sessions_total") == 2


def test_a_restored_charger_shows_its_totals_before_it_is_connected(charging: Watched) -> None:
    again = Watched(kept=charging.charger.kept_state())
    again.disk_is_full = True
    assert again.shows("energy_joules_total") == 1.5 * KWH
    assert again.shows("sessions_total") == 1


def test_the_time_when_a_charger_was_first_seen_survives_a_restart(charging: Watched) -> None:
    kept = charging.charger.kept_state()
    assert kept.first_seen_unix == NOON
    again = Charger("test", None, charging.account, Rules(), NOON + 1000, kept)
    assert again.first_seen_unix == NOON


def test_a_duplicate_log_after_a_restart_changes_nothing(charging: Watched) -> None:
    again = Watched(kept=charging.charger.kept_state())
    again.log(written=charging.now.unix)
    again.log(written=charging.now.unix - 10, energy=1)
    assert again.shows("energy_joules_total") == 1.5 * KWH
    assert again.shows("readings_total") == 0


def test_the_time_of_the_last_log_is_shown(charging: Watched) -> None:
    written = charging.now.unix
    assert charging.shows("last_log_timestamp_seconds") == written
    charging.wait(10)
    charging.log(written=written - 1)
    assert charging.shows("last_log_timestamp_seconds") == written


def test_the_time_of_the_last_log_is_absent_before_the_first(charger: Watched) -> None:
    charger.document()
    assert charger.shows("last_log_timestamp_seconds") is None
