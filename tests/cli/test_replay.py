"""`vecharge-exporter replay` prints the totals and sessions of every charger of a recording."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exporter.cli.main import main

AT = "2026-11-28T10:{:02}:00.000Z"


def line(minute: int, event: str, data: object = None, charger: str = "c1") -> str:
    recorded = {"at": AT.format(minute), "charger": charger, "event": event}
    return json.dumps(recorded if data is None else recorded | {"data": data})


def log(minute: int, kwh: float, charger: str = "c1", **fields: object) -> str:
    return line(minute, "newLog", {"energy": kwh, "createdAt": AT.format(minute), **fields}, charger)


def off(minute: int, charger: str = "c1") -> str:
    return line(minute, "chargerConnected", {"_doc": {"status": "OFF", "energy": 0}}, charger)


def replay(*lines: str, arguments: tuple[str, ...] = ("--json",)) -> Result:
    return CliRunner().invoke(main, ["replay", "-", *arguments], input="".join(f"{line}\n" for line in lines))


def outcome(*lines: str, charger: str = "c1", arguments: tuple[str, ...] = ()) -> Any:
    result = replay(*lines, arguments=("--json", *arguments))
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["chargers"][charger]


def test_a_charger_has_the_energy_of_its_sessions() -> None:
    played = outcome(off(0), line(1, "statusChanged", {"status": "ON"}), log(2, 0.5), log(3, 1.25))
    assert (played["energy_joules"], played["excess_joules"], played["status"]) == (4_500_000, 0, "on")


def test_events_of_several_chargers_may_be_mixed() -> None:
    lines = (off(0), off(30, "c2"), log(1, 0.5), log(31, 2.0, "c2"), log(2, 1.0), log(32, 3.0, "c2"))
    assert outcome(*lines)["energy_joules"] == 3_600_000
    assert outcome(*lines, charger="c2")["energy_joules"] == 10_800_000


def test_a_payload_may_be_text() -> None:
    text = json.dumps({"energy": "1.25", "createdAt": AT.format(3)})
    assert outcome(off(0), line(3, "newLog", text))["energy_joules"] == 4_500_000


def test_rejected_readings_are_counted_by_reason() -> None:
    assert outcome(off(0), log(2, 0.5), log(2, 0.5), log(1, 0.4))["rejected"] == {"duplicate": 1, "out_of_order": 1}


def test_a_restart_continues_with_the_state_on_disk() -> None:
    played = outcome(off(0), log(1, 0.5), log(2, 1.0), line(3, "restart"), line(3, "connect"), log(4, 1.5))
    assert played["energy_joules"] == 5_400_000


def test_connect_disconnect_restart_and_drop_need_no_data() -> None:
    events = ("restart", "connect", "chargerDisconnected", "disconnect")
    assert outcome(*(line(minute, event) for minute, event in enumerate(events)))["energy_joules"] is None


def test_a_rise_above_the_greatest_power_is_not_counted() -> None:
    lines = (off(0), log(1, 0.01), log(2, 5.0))
    assert outcome(*lines)["energy_joules"] == 18_000_000
    assert outcome(*lines, arguments=("--max-power-watts", "50000"))["energy_joules"] == 36_000


def test_an_unknown_event_is_ignored() -> None:
    assert outcome(off(0), line(1, "somethingNew", [1, 2]), log(2, 1.0))["energy_joules"] == 3_600_000


def test_blank_lines_are_skipped() -> None:
    assert outcome(off(0), "", "  ", log(2, 1.0))["energy_joules"] == 3_600_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("secret", "it is not valid JSON"),
        ("\udc80", "it is not valid JSON"),
        ('{"at":"2026-11-28T10:00:00Z","charger":"c1","event":"newLog","data":{"energy":NaN}}', "it is not valid JSON"),
        (f'{{"at":"2026-11-28T10:00:00Z","charger":"c1","event":"e","data":{"[" * 100_000}', "it is not valid JSON"),
        ("[]", "Expected `object`, got `array`"),
        ('{"at":"2026-11-28T10:00:00Z","event":"connect"}', "Object missing required field `charger`"),
        ('{"at":"yesterday","charger":"c1","event":"connect"}', "Invalid RFC3339 encoded datetime - at `$.at`"),
    ],
)
def test_a_line_that_is_not_an_event_is_reported_with_its_number(text: str, why: str) -> None:
    recording = f"{off(0)}\n\n{text}\n{off(1)}\n".encode("utf-8", "surrogateescape")
    result = CliRunner().invoke(main, ["replay", "-"], input=recording)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"vecharge-exporter: line 3 is not an event: {why}\n"


def test_a_missing_file_is_an_invalid_argument(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["replay", str(tmp_path / "absent.jsonl")]).exit_code == 2


def test_the_text_output_has_a_block_for_each_charger() -> None:
    on = line(1, "statusChanged", {"status": "ON"})
    result = replay(off(0), on, log(1, 0.5), log(1, 0.5), log(2, 1.5), line(3, "connect", charger="c2"), arguments=())
    assert result.stdout.splitlines()[:6] == [
        "charger c1",
        "  energy            1.50 kWh",
        "  excess            0.00 kWh",
        "  status      on",
        "  judgements  none",
        "  rejected    duplicate 1",
    ]
    assert "charger c2\n  energy               - kWh\n" in result.stdout
