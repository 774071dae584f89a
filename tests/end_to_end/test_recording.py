"""`replay` computes the same totals from a recording as the program did live."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.program import PROGRAM, Exporter
from tests.processes import wait_until
from tests.simulated import SimulatedService

RECORDING = "recording.jsonl"
RUN = ("run", f"--record.file={RECORDING}")


def test_a_replayed_recording_has_the_totals_of_the_live_streams(tmp_path: Path) -> None:
    with SimulatedService(tmp_path / "service", chargers=4, speed=300, seed=7, faults=0.1) as service:
        config = {"accounts": [service.account()]}
        live = run_for(tmp_path, config, 200)
        # It continues with the totals on disk; the recording has a restart there.
        live = run_for(tmp_path, config, 400)
    played = subprocess.run(
        [PROGRAM, "replay", "--json", tmp_path / "exporter" / RECORDING], capture_output=True, check=True
    )
    chargers = json.loads(played.stdout)["chargers"]
    assert {name: charger["energy_joules"] for name, charger in chargers.items()} == live
    assert sum(live.values()) > 0


def run_for(tmp_path: Path, config: Mapping[str, object], lines: int) -> dict[str, float]:
    """Run the program until it has recorded this number of lines; return its last totals."""
    exporter = Exporter(tmp_path / "exporter", config, command=RUN)
    recording = tmp_path / "exporter" / RECORDING
    wait_until(lambda: recording.read_bytes().count(b"\n") >= lines, f"{lines} recorded lines")
    assert exporter.process.stop() == 0
    kept = subprocess.run([PROGRAM, "state", "--json"], cwd=tmp_path / "exporter", capture_output=True, check=True)
    return {row["charger_id"]: row["energy_joules"] for row in json.loads(kept.stdout)}
