"""Unusual and invalid messages of a service."""

import json
from contextlib import AbstractAsyncContextManager

from tests.chaos.faults import connect_failure, decode_error, disconnection, harmless, holds
from tests.chaos.scene import Scene
from tests.stream.script import JOINED, opening, scripted


def document(charger: str, **fields: object) -> str:
    """The packet with the document of a charger."""
    return "42" + json.dumps(["chargerConnected", {"_doc": {"_id": charger, "status": "ON", "energy": 0, **fields}}])


def saying(scene: Scene, *frames: str | bytes) -> AbstractAsyncContextManager[str]:
    """A service that sends only these frames."""
    return scripted([opening(), JOINED, document(scene.charger), *frames])


def listen_to(scene: Scene, url: str) -> None:
    scene.proxy.upstream_port = int(url.rpartition(":")[2])
    scene.proxy.cut()


def back_to_the_service(scene: Scene) -> None:
    scene.proxy.upstream_port = scene.service.port
    scene.proxy.cut()


@holds(disconnection("A frame of 16 MB", "transport"))
async def test_a_frame_of_16_megabytes_ends_the_connection(scene: Scene) -> None:
    scene.transports = ("websocket",)
    async with saying(scene, '42["newLog","' + "x" * 16_000_000 + '"]') as url, scene.with_fault():
        listen_to(scene, url)
        await scene.until_counted(scene.fault.metric, 2)
        await scene.noticed()
        back_to_the_service(scene)


@holds(disconnection("An invalid frame while an answer waits to be sent", "transport"))
async def test_a_connection_that_breaks_with_a_queued_answer_ends_at_once(scene: Scene) -> None:
    # The client library misses its own end marker if it comes right after a packet.
    async with saying(scene, '421["asks for an answer"]', "3" + "[" * 100_000) as url, scene.with_fault():
        listen_to(scene, url)
        await scene.until_counted(scene.fault.metric, 2)
        await scene.noticed()
        back_to_the_service(scene)


@holds(harmless("10,000 events per second for one charger"))
async def test_ten_thousand_events_at_once_are_all_counted(scene: Scene) -> None:
    async with scene.with_fault():
        joules = scene.flood(logs=5_000, kwh=0.5)
        scene.service.emit(scene.charger, "somethingNew", {"n": 1}, count=5_000)
        await scene.until_counted('vecharge_account_events_total{event="other"}', 5_000)
        assert await scene.counted("vecharge_account_events_total") == 10_000
        assert await scene.counted("vecharge_charger_readings_total") == 5_000
        assert await scene.value("vecharge_charger_energy_joules_total") == joules
        await scene.unnoticed()


@holds(decode_error("Deeply nested JSON in a payload", "newLog"))
async def test_deeply_nested_text_is_undecodable(scene: Scene) -> None:
    async with scene.with_fault():
        scene.service.emit(scene.charger, "newLog", "[" * 100_000, "raw")
        await scene.noticed()
        assert await scene.counted("vecharge_account_disconnections_total") == 0


@holds(decode_error("Deeply nested JSON in a packet", "other"))
async def test_only_a_deeply_nested_packet_is_dropped(scene: Scene) -> None:
    async with saying(scene, '42["newLog",' + "[" * 100_000) as url, scene.with_fault():
        listen_to(scene, url)
        await scene.noticed()
        assert await scene.counted("vecharge_account_disconnections_total") == 1
        back_to_the_service(scene)


@holds(decode_error("A packet id or a number of attachments with millions of digits", "other"))
async def test_only_a_packet_with_an_endless_number_is_dropped(scene: Scene) -> None:
    endless: list[str | bytes] = [
        "42" + "7" * 3_000_000 + '["newLog"]',
        "45999999-" + '["newLog",{"_placeholder":true,"num":0}]',
        b"\x04log",
    ]
    async with saying(scene, *endless) as url, scene.with_fault():
        listen_to(scene, url)
        await scene.until_counted(scene.fault.metric, 3)
        await scene.noticed()
        assert await scene.counted("vecharge_account_disconnections_total") == 1
        back_to_the_service(scene)


@holds(harmless("Binary events: a payload as bytes"))
async def test_a_binary_payload_is_read_like_text(scene: Scene) -> None:
    async with scene.with_fault():
        scene.service.emit(scene.charger, "statusChanged", {"status": "ON"}, "binary")
        await scene.until_counted('vecharge_account_events_total{event="statusChanged"}', 1)
        await scene.unnoticed()


@holds(decode_error("An attachment without its packet", "other"))
async def test_only_unannounced_bytes_are_dropped(scene: Scene) -> None:
    async with saying(scene, b"\x04\x00\x01\x02") as url, scene.with_fault():
        listen_to(scene, url)
        await scene.noticed()
        back_to_the_service(scene)


@holds(harmless("Unknown events, counted as `other`"))
async def test_an_unknown_event_is_counted_and_ignored(scene: Scene) -> None:
    async with scene.with_fault():
        scene.service.emit(scene.charger, "firmware", {"energy": 900})
        await scene.until_counted('vecharge_account_events_total{event="other"}', 1)
        await scene.unnoticed()


@holds(harmless("Events before the connection is confirmed"))
async def test_events_before_the_connection_count(scene: Scene) -> None:
    frames = [opening(), document(scene.charger), JOINED]
    async with scene.with_fault(from_the_start=True), scripted(frames) as url:
        listen_to(scene, url)
        await scene.start()
        await scene.until_up()
        assert await scene.counted("vecharge_account_connect_failures_total") == 0
        back_to_the_service(scene)


@holds(harmless("Two documents in a row"))
async def test_the_last_of_two_documents_applies(scene: Scene) -> None:
    two = [document(scene.charger, chargerMode="PRIVATE"), document(scene.charger, chargerMode="PUBLIC")]
    async with saying(scene, *two) as url, scene.with_fault():
        listen_to(scene, url)
        await scene.until_shown('vecharge_charger_info{mode="PUBLIC"}')
        assert await scene.value("vecharge_charger_info") == 1
        back_to_the_service(scene)


@holds(decode_error("A document of another charger", "chargerConnected", "ignored payload of another charger"))
async def test_a_document_of_another_charger_is_ignored(scene: Scene) -> None:
    async with scene.with_fault():
        scene.service.emit(
            scene.charger, "chargerConnected", {"_doc": {"_id": "another", "status": "OFF", "energy": 99}}
        )
        await scene.noticed()
        assert await scene.value('vecharge_charger_status{status="on"}') == 1


@holds(connect_failure("Another device is connected to the charger", "occupied", "connected to another device"))
async def test_an_occupied_charger_is_connected_after_it_is_free(scene: Scene) -> None:
    async with scene.with_fault():
        scene.service.rules(occupied=True)
        scene.service.disconnect(scene.charger)
        await scene.noticed()
        scene.service.rules(occupied=None)
