"""A stream is an open file. Streams leave 400 files to the rest of the program; the others wait, which is logged."""

import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.end_to_end.program import PROGRAM, Exporter

SOFT, HARD = 64, 410  # files, 400 of which are not for streams
LIMITED = ("sh", "-c", f'ulimit -Sn {SOFT} && ulimit -Hn {HARD} && exec "$@"', "limited")


def test_the_soft_limit_is_raised_to_the_hard_limit(
    simulated: dict[str, Any], start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter(simulated, wrapper=LIMITED)
    exporter.wait_until_up(HARD - 400)
    assert resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE) == (HARD, HARD)


def test_streams_above_the_limit_of_files_wait(
    simulated: dict[str, Any], start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter(simulated, wrapper=LIMITED)
    exporter.wait_until_up(HARD - 400)
    assert "\nvecharge_exporter_streams_waiting_for_files 2" in exporter.scrape()
    words = "the limit of open files leaves room for 10 of 12 streams, the others wait: raise it to 412"
    assert words in exporter.process.text()


def test_check_reports_that_not_all_streams_will_be_open(simulated: dict[str, Any], tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(yaml.safe_dump(simulated))
    checked = subprocess.run(
        [*LIMITED, PROGRAM, "check", f"--config.file={config}"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "leaves room for 10 of 12 streams" in checked.stdout


def test_a_fleet_within_the_limit_is_not_logged(
    simulated: dict[str, Any], start_exporter: Callable[..., Exporter]
) -> None:
    chargers = simulated["accounts"][0]["chargers"]
    simulated["accounts"][0]["chargers"] = chargers[: HARD - 400]
    exporter = start_exporter(simulated, wrapper=LIMITED)
    exporter.wait_until_up(10)
    assert exporter.problems() == []
