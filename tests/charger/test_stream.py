"""The counters of a charger's stream and of its account."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.charger.events import GARBLED, ConnectFailed, Disconnection, TokenInUse
from exporter.charger.notice import SERVICE_ERROR, Notice, ignored
from exporter.errors import ConnectFailure
from tests.charger.watched import NOON, Watched

EVENTS = ("chargerConnected", "statusChanged", "newLog", "chargerDisconnected", "error", "other")
COUNTERS = ("connections_total", "disconnections_total", "connect_failures_total")


def counts(charger: Watched, name: str, labels: tuple[str, ...] = EVENTS) -> dict[str, object]:
    """The counters that are not 0."""
    return {label: count for label in labels if (count := charger.account_shows(name, label))}


def test_connected_while_the_namespace_is(charger: Watched) -> None:
    assert charger.shows("connected") is False
    charger.connect()
    assert charger.shows("connected") is True
    charger.disconnect()
    assert charger.shows("connected") is False


def test_connections_disconnections_and_failures_are_counted(charger: Watched) -> None:
    assert [charger.shows(name) for name in COUNTERS] == [0, 0, 0]
    charger.apply(ConnectFailed(ConnectFailure.TLS))
    charger.connect()
    charger.disconnect()
    charger.connect()
    assert [charger.shows(name) for name in COUNTERS] == [2, 1, 1]


@pytest.mark.parametrize("reason", ConnectFailure)
def test_a_failure_to_connect_is_counted_with_its_reason(charger: Watched, reason: ConnectFailure) -> None:
    charger.apply(ConnectFailed(reason))
    assert counts(charger, "connect_failures_total", tuple(ConnectFailure)) == {reason: 1}


@pytest.mark.parametrize("reason", Disconnection)
def test_a_disconnection_is_counted_with_its_reason(charger: Watched, reason: Disconnection) -> None:
    charger.connect()
    charger.disconnect(reason)
    assert counts(charger, "disconnections_total", tuple(Disconnection)) == {reason: 1}


def test_the_expiry_of_the_token_in_use(charger: Watched) -> None:
    assert charger.account_shows("token_expiry_timestamp_seconds") is None
    charger.apply(TokenInUse(NOON + 1000))
    assert charger.account_shows("token_expiry_timestamp_seconds") == NOON + 1000
    charger.apply(TokenInUse(None))
    assert charger.account_shows("token_expiry_timestamp_seconds") is None


@pytest.mark.parametrize("name", EVENTS[:-1])
def test_an_event_is_counted_by_its_wire_name(charger: Watched, name: str) -> None:
    charger.receive(name)
    assert counts(charger, "events_total") == {name: 1}


@pytest.mark.parametrize("name", ["somethingNew", "newlog", "", "other", 5, None, ["newLog"]], ids=repr)
def test_an_unknown_event_is_counted_as_other_and_ignored(charging: Watched, name: object) -> None:
    before = msgspec.json.encode(charging.charger.kept_state())
    assert charging.receive(name, {"status": "OFF"}) == ()
    assert charging.account_shows("events_total", "other") == 1
    assert charging.account_shows("decode_errors_total", "other") == 0
    assert msgspec.json.encode(charging.charger.kept_state()) == before
    assert charging.shows("status", "on") is True


@pytest.mark.parametrize("name", ["chargerConnected", "statusChanged", "newLog"])
@pytest.mark.parametrize("payload", [None, "{", "[]", "5", 5, b"\xff", []], ids=repr)
def test_a_payload_that_cannot_be_decoded_is_a_decode_error(charger: Watched, name: str, payload: object) -> None:
    (notice,) = charger.receive(name, payload)
    assert notice.text.startswith("ignored undecodable payload: ")
    assert notice.fields == {"payload": name}
    assert counts(charger, "decode_errors_total") == {name: 1}
    assert counts(charger, "events_total") == {name: 1}


def test_an_invalid_field_is_a_decode_error(charger: Watched) -> None:
    assert charger.document(status="STANDBY") == (ignored("invalid field: status", "chargerConnected"),)
    assert counts(charger, "decode_errors_total") == {"chargerConnected": 1}


def test_an_invalid_packet_is_counted_as_another_event(charger: Watched) -> None:
    (notice,) = charger.apply(GARBLED)
    assert notice.text == "ignored undecodable payload: not a valid Socket.IO packet"
    assert counts(charger, "events_total") == {"other": 1}
    assert counts(charger, "decode_errors_total") == {"other": 1}


@pytest.mark.parametrize("name", ["newLog", "somethingNew", "error"])
def test_the_time_of_the_last_event_of_any_kind_is_shown(charger: Watched, name: str) -> None:
    charger.connect()
    assert charger.shows("last_event_timestamp_seconds") is None
    charger.wait(10)
    charger.receive(name)
    assert charger.shows("last_event_timestamp_seconds") == charger.now.unix


@pytest.mark.parametrize(
    ("text", "notices"),
    [
        # The stream ends because of it, and logs it as a failure to connect.
        ("Charger already connected to other device", ()),
        ("something else", (SERVICE_ERROR,)),
        ({"message": "+911234567890"}, (SERVICE_ERROR,)),
    ],
)
def test_an_error_of_the_service_is_logged_without_its_text(
    charger: Watched, text: object, notices: tuple[Notice, ...]
) -> None:
    assert charger.receive("error", text) == notices
    assert counts(charger, "events_total") == {"error": 1}


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
fields = st.sampled_from(["status", "voltage", "energy", "createdAt", "_doc", "_id", "chargerId", "location", "userId"])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(EVENTS) | st.text() | st.none(),
            json_like | st.binary() | st.dictionaries(fields, json_like),
        ),
        max_size=5,
    )
)
def test_every_event_is_counted_and_none_raises(events: list[tuple[str, object]]) -> None:
    charger = Watched()
    charger.connect()
    for name, payload in events:
        charger.receive(name, payload)
    assert sum(charger.account.events.values()) == len(events)
    assert sum(charger.account.decode_errors.values()) <= len(events)


def problem(charger: Watched) -> str | None:
    return charger.charger.stream.problem


def test_a_failure_without_advice_is_not_a_problem_to_show(charger: Watched) -> None:
    charger.apply(ConnectFailed(ConnectFailure.OTHER))
    assert problem(charger) is None


def test_the_reason_of_a_failure_is_kept_until_the_stream_is_connected(charger: Watched) -> None:
    assert problem(charger) is None
    charger.apply(ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"))
    charger.apply(ConnectFailed(ConnectFailure.TIMEOUT, "no answer: look at the network"))
    assert problem(charger) == "no answer: look at the network"
    charger.connect()
    assert problem(charger) is None
