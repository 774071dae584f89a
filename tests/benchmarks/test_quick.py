"""The benchmarks run, and their checks of what they measure succeed. Tests do not check speed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "docs" / "benchmarks.md"
TABLES = {
    "The scrape": 14,
    "The streams": 5,
    "The live fleet, over TLS": 8,
    "The live fleet, over plain HTTP": 8,
    "The command": 1,
}


def test_every_benchmark_runs_and_finds_its_output_right() -> None:
    before = REPORT.exists() and REPORT.read_bytes()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    tables = {block.splitlines()[0]: len(block.splitlines()) - 2 for block in run.stdout.strip().split("\n\n")[:-1]}
    assert tables == TABLES
    assert " 0 lost " in run.stdout
    assert (REPORT.exists() and REPORT.read_bytes()) == before, "a quick run must not write the report"
