"""A stream is an open file: the program takes as many as it may have, and says before it begins if they are too few."""

import resource
from collections.abc import Callable
from typing import Any

from tests.end_to_end.program import Exporter
from tests.processes import wait_until

SOFT, HARD = 64, 410  # files; 400 are for what is no stream
LIMITED = ("sh", "-c", f'ulimit -Sn {SOFT} && ulimit -Hn {HARD} && exec "$@"', "limited")


def test_the_soft_limit_is_lifted_to_the_hard_one(
    simulated: dict[str, Any], start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter(simulated, wrapper=LIMITED)
    exporter.wait_until_up(12)
    assert resource.prlimit(exporter.process.pid, resource.RLIMIT_NOFILE) == (HARD, HARD)


def test_a_fleet_that_will_not_fit_is_told_before_the_first_stream(
    simulated: dict[str, Any], start_exporter: Callable[..., Exporter]
) -> None:
    exporter = start_exporter(simulated, wrapper=LIMITED)
    wait_until(lambda: "stream connected" in exporter.process.text(), "a stream")
    told, _, _ = exporter.process.text().partition("stream connected")
    assert "the fleet will not fit: raise the limit of open files" in told
    assert "chargers=12 open_files_needed=412 open_files_limit=410" in told


def test_of_a_fleet_that_fits_nothing_is_told(
    simulated: dict[str, Any], start_exporter: Callable[..., Exporter]
) -> None:
    chargers = simulated["accounts"][0]["chargers"]
    simulated["accounts"][0]["chargers"] = chargers[: HARD - 400]
    exporter = start_exporter(simulated, wrapper=LIMITED)
    exporter.wait_until_up(10)
    assert exporter.problems() == []
