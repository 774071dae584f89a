"""The events of the service, with the vendor's payloads."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.charger import events
from exporter.charger.events import ChargerDocument, Reading, Status
from exporter.charger.wire import decode

FIXTURES = Path(__file__).parents[2] / "fixtures"


def vendors(name: str, payload: object) -> events.ServiceEvent:
    """The event without the user's fingerprint, which differs between processes."""
    event = decode(name, (payload,))
    assert isinstance(event, Reading | ChargerDocument)
    assert event.user is not None
    return type(event)(**{field: getattr(event, field) for field in event.__struct_fields__ if field != "user"})


@pytest.fixture(params=["text", "bytes", "object"])
def payload_of(request: pytest.FixtureRequest) -> Callable[[str], object]:
    """A payload is JSON text or a decoded object."""

    def payload_of(name: str) -> object:
        text = (FIXTURES / name).read_text()
        match request.param:
            case "bytes":
                return text.encode()
            case "object":
                return json.loads(text)
        return text

    return payload_of


def test_the_vendors_document(payload_of: Callable[[str], object]) -> None:
    assert vendors("chargerConnected", payload_of("chargerConnected.json")) == ChargerDocument(
        charger_id="test",
        status=Status.OFF,
        session_energy_joules=0.0,
        previous_energy_joules=131_184_000,
        wifi_connected=True,
        active=True,
        connected_unix=1_641_822_958.347,
        generator_desired=False,
        generator_reported=False,
        latitude_degrees=28.7186,
        longitude_degrees=77.0608,
        mode="PUBLIC",
        operator="veChargerCommunity",
        partner_id="61dc307faf72d17afc57e385",
        address="Rohini Sector 22",
        detail="_xxxxxx",
    )


def test_the_vendors_log(payload_of: Callable[[str], object]) -> None:
    assert vendors("newLog", payload_of("newLog.json")) == Reading(
        charger_id="test",
        voltage_volts=230.0,
        current_amperes=7.0,
        power_watts=1577.8,
        session_energy_joules=0.23 * 3_600_000,
        created_unix=1_641_823_079.124,
        device_id="veChargePoint0125896",
    )


@pytest.mark.parametrize(
    ("file", "status"), [("statusChanged-on.json", Status.ON), ("statusChanged-off.json", Status.OFF)]
)
def test_the_vendors_change_of_status(payload_of: Callable[[str], object], file: str, status: Status) -> None:
    assert decode("statusChanged", (payload_of(file),)) == events.StatusChange(status)


@pytest.mark.parametrize("arguments", [(), (None,), ({"chargerId": "test"},), ("{",)])
def test_a_dropped_charger_needs_no_payload(arguments: tuple[object, ...]) -> None:
    assert decode("chargerDisconnected", arguments) == events.ChargerDropped()


@pytest.mark.parametrize(
    ("text", "occupied"),
    [
        ("Charger already connected to other device", True),
        ("charger ALREADY CONNECTED", True),
        ("Unauthorized", False),
        ({"message": "Charger already connected to other device"}, True),
        ({"message": ["already connected"]}, False),
        (None, False),
    ],
)
def test_an_error_keeps_only_whether_the_charger_is_occupied(text: object, occupied: bool) -> None:
    assert decode("error", (text,)) == events.ServiceError(occupied)


@pytest.mark.parametrize("name", ["somethingNew", "newlog", "NEWLOG", "", "other"])
def test_an_unknown_event_has_no_payload(name: str) -> None:
    assert decode(name, ({"status": "ON"},)) == events.UnknownEvent()


@pytest.mark.parametrize("name", [None, 5, ["newLog"], {"newLog": 1}, b"newLog"], ids=repr)
def test_an_event_whose_name_is_not_text_is_unknown(name: object) -> None:
    assert decode(name, ()) == events.UnknownEvent()


@pytest.mark.parametrize("name", ["chargerConnected", "statusChanged", "newLog", "chargerDisconnected", "error"])
def test_the_events_of_the_protocol_keep_their_names(name: str) -> None:
    assert decode(name, ({"status": "ON", "energy": 1},)).label == name


@pytest.mark.parametrize("name", ["chargerConnected", "statusChanged", "newLog"])
@pytest.mark.parametrize(
    "payload",
    [None, "", " ", "{", "[]", '"text"', "5", "null", [], 5, True, b"\xff\xfe", "[" * 100_000, "\ud800"],
    ids=lambda payload: repr(payload)[:20],
)
def test_a_payload_that_is_not_an_object_is_undecodable(name: str, payload: object) -> None:
    event = decode(name, (payload,))
    assert isinstance(event, events.Undecodable)
    assert event.label == name


@pytest.mark.parametrize("name", ["chargerConnected", "statusChanged", "newLog"])
def test_an_event_without_arguments_is_undecodable(name: str) -> None:
    assert decode(name, ()) == events.Undecodable(name, "the payload is not an object")


@pytest.mark.parametrize("payload", [{}, {"status": None}, {"status": "STANDBY"}, {"status": True}, {"Status": "ON"}])
def test_a_change_of_status_without_a_status_is_undecodable(payload: dict[str, object]) -> None:
    assert decode("statusChanged", (payload,)) == events.Undecodable("statusChanged", "its status is not ON or OFF")


def test_arguments_after_the_first_are_ignored() -> None:
    assert decode("statusChanged", ({"status": "ON"}, {"status": "OFF"})) == events.StatusChange(Status.ON)


def test_a_log_without_values_is_undecodable_and_names_the_invalid_fields() -> None:
    log = {"voltage": "+911234567890 V", "power": [], "createdAt": "2022-01-10T13:57:59.124Z"}
    reason = "a log with no voltage, current, power or energy (invalid: voltage, power)"
    assert decode("newLog", (log,)) == events.Undecodable("newLog", reason)
