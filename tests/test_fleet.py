"""The fleet applies and logs the events of its streams, and closes connectors that it no longer needs."""

import asyncio
import io
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from exporter.charger.changes import Changes
from exporter.charger.charger import Charger
from exporter.charger.clock import Moment
from exporter.charger.events import GARBLED, ChargerDocument, Connected, Event, Reading
from exporter.charger.process_stats import ExporterProcess
from exporter.charger.wire import decode
from exporter.config.load import AccountConfig, ChargerConfig, Config
from exporter.config.tokens import TokenSource
from exporter.fleet import Fleet
from exporter.logs import create_log
from exporter.stream.services import Service
from exporter.stream.supervisor import ChargerStream
from tests.metrics.text import text_of
from tests.stream.watch import until

DAY = 86_400.0


class Streams:
    """A fleet whose events come from the test, its log, and a clock that only `wait` advances."""

    def __init__(self) -> None:
        self.now = Moment(1_700_000_000.0, 1000.0)
        self.services: list[Service] = []
        self.woken: list[str] = []
        self.pace: Any = None
        # Set: every stream fails.
        self.bug = asyncio.Event()
        self._delivers: dict[str, Any] = {}
        self._written = io.StringIO()
        log = create_log("debug", "logfmt", self._written)
        self.kept: list[Charger] = []
        self.fleet = Fleet(
            ExporterProcess("0", "0", "0"),
            lambda: self.now,
            log,
            random.Random(1),
            stream=self._stream(),
            changes=Changes(self.kept.append),
        )

    async def watch(self, *accounts: AccountConfig) -> None:
        await self.fleet.reconcile(Config(accounts=accounts), {})

    def bring(self, *events: Event, charger_id: str = "a") -> None:
        for event in events:
            self._delivers[charger_id](event)

    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.unix + seconds, self.now.monotonic + seconds)

    def lines(self, part: str) -> list[str]:
        """The log lines that contain `part`."""
        return [line for line in self._written.getvalue().splitlines() if part in line]

    def _stream(self) -> type[ChargerStream]:
        streams = self

        class Silent(ChargerStream):
            def __init__(self, charger_id: str, service: Service, deliver: Any, *others: Any) -> None:
                super().__init__(charger_id, service, deliver, *others)
                streams.services.append(service)
                streams.pace = others[0]
                streams._delivers[charger_id] = deliver

            async def run(self) -> None:
                await streams.bug.wait()
                raise RuntimeError("a bug")

            def token_changed(self) -> None:
                streams.woken.append(self._target.charger_id)

        return Silent


def account(name: str, *chargers: str) -> AccountConfig:
    ids = tuple(ChargerConfig(id=charger) for charger in chargers)
    return AccountConfig(name=name, url="http://127.0.0.1:9", token=TokenSource(literal="t"), chargers=ids)


@pytest.fixture
async def streams() -> AsyncIterator[Streams]:
    streams = Streams()
    await streams.watch(account("delhi", "a", "b"))
    yield streams
    await streams.fleet.stop()


async def test_an_event_changes_only_its_charger_and_keeps_its_state(streams: Streams) -> None:
    streams.kept.clear()
    streams.bring(Connected())
    first, second = streams.fleet.chargers
    assert (first.stream.connected, second.stream.connected) == (True, False)
    assert streams.kept == [first]


async def test_a_line_names_charger_account_event_and_field_but_not_the_value(streams: Streams) -> None:
    streams.bring(decode("newLog", ({"energy": 1, "voltage": "call +911234567890", "power": []},)))
    voltage, power = streams.lines("ignored invalid field")
    assert 'level=warn msg="ignored invalid field: voltage" charger_id=a account=delhi payload=newLog' in voltage
    assert 'msg="ignored invalid field: power"' in power
    assert not streams.lines("911234567890")


async def test_a_payload_that_cannot_be_decoded_is_logged_with_the_reason(streams: Streams) -> None:
    streams.bring(decode("statusChanged", ("{",)), GARBLED)
    text, garbled = streams.lines("ignored undecodable payload")
    assert 'msg="ignored undecodable payload: the payload is text that is not JSON"' in text
    assert "payload=statusChanged" in text
    assert 'msg="ignored undecodable payload: not a valid Socket.IO packet"' in garbled


async def test_a_stream_that_fails_by_a_bug_is_logged(streams: Streams) -> None:
    streams.bug.set()
    await until(lambda: len(streams.lines("stream failed")) == 2, "a line for each stream")
    first, _ = streams.lines("stream failed")
    assert 'level=error msg="stream failed: restart the exporter, and please report this"' in first
    assert 'task="stream a"' in first
    assert "RuntimeError" in first


async def test_a_repeated_warning_of_a_charger_is_logged_at_powers_of_two(streams: Streams) -> None:
    for _ in range(9):
        streams.bring(decode("chargerDisconnected", ()))
    assert [line.rpartition("times=")[2] for line in streams.lines("lost its connection")] == ["1", "2", "4", "8"]
    streams.bring(decode("chargerDisconnected", ()), charger_id="b")
    assert len(streams.lines("charger_id=b")) == 1


async def test_a_charger_that_drops_once_a_day_is_logged_each_day(streams: Streams) -> None:
    for _ in range(5):
        streams.bring(decode("chargerDisconnected", ()))
        streams.wait(DAY)
    assert len(streams.lines("lost its connection")) == 5


async def test_a_fault_of_the_exporter_itself_is_logged_and_does_not_reach_the_stream(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a secret")

    with monkeypatch.context() as patch:
        patch.setattr(Charger, "_take_reading", fail)
        streams.bring(Reading(power_watts=1.0))
    (line,) = streams.lines("internal error")
    assert "error=ValueError" in line
    assert "secret" not in line
    streams.bring(ChargerDocument(operator="x"))
    assert streams.fleet.chargers[0].about.document.operator == "x"


async def test_the_connector_of_an_account_that_changes_is_closed(streams: Streams) -> None:
    before = streams.services[0]
    await streams.watch(replace(account("delhi", "a", "b"), connect_timeout_seconds=7.0))
    assert before.http.connector.closed
    assert not streams.services[-1].http.connector.closed


async def test_the_connector_of_an_account_that_stays_or_gains_a_charger_is_kept(streams: Streams) -> None:
    await streams.watch(account("delhi", "a", "b", "c"))
    assert streams.services[0] is streams.services[-1]
    assert not streams.services[0].http.connector.closed


async def test_the_connector_of_an_account_that_leaves_is_closed(streams: Streams) -> None:
    await streams.watch(account("agra", "a"))
    assert streams.services[0].http.connector.closed


async def test_every_connector_is_closed_at_the_stop(streams: Streams) -> None:
    await streams.fleet.stop()
    assert streams.services[0].http.connector.closed


async def test_the_same_fault_of_two_kinds_of_payload_is_logged_for_each(streams: Streams) -> None:
    streams.bring(decode("newLog", ({"chargerId": "other", "energy": 1},)))
    streams.bring(decode("chargerConnected", ({"_doc": {"_id": "other"}},)))
    assert len(streams.lines("ignored payload of another charger")) == 2


async def test_a_rejected_reading_is_logged_at_debug_level_with_the_reason(streams: Streams) -> None:
    log = {"energy": 1, "createdAt": "2023-11-14T22:13:20Z"}
    streams.bring(decode("newLog", (log,)), decode("newLog", (log,)))
    (line,) = streams.lines("reading rejected")
    assert "level=debug" in line
    assert "duplicate" in line


async def test_the_chargers_of_each_account_are_counted(streams: Streams) -> None:
    await streams.watch(account("delhi", "a", "b"), account("agra", "c"))
    page = await text_of(streams.fleet.page)
    assert b'vecharge_exporter_chargers{account="delhi"} 2.0\n' in page
    assert b'vecharge_exporter_chargers{account="agra"} 1.0\n' in page


async def test_a_new_token_wakes_only_the_streams_of_its_account(streams: Streams) -> None:
    await streams.watch(account("delhi", "a", "b"), account("agra", "c"))
    streams.fleet.token_changed("delhi")
    assert streams.woken == ["a", "b"]


@pytest.mark.parametrize(("chargers", "per_second"), [(2, 50.0), (500, 50.0), (1000, 100.0)])
async def test_a_tenth_of_a_large_fleet_may_begin_handshakes_in_a_second(
    streams: Streams, chargers: int, per_second: float
) -> None:
    await streams.watch(account("delhi", *map(str, range(chargers))))
    assert streams.pace.per_second == per_second
