"""The energy counter under torture: the short form; `make torture` runs the long one."""

import os
from itertools import pairwise
from pathlib import Path
from random import SystemRandom

import pytest

from tests.simulated import JOULES_PER_KWH
from tests.torture.trial import SPEED, Outcome, Trial, TrialSession

SECONDS = float(os.environ.get("TORTURE_SECONDS", "45"))
KILLS = int(os.environ.get("TORTURE_KILLS", "6"))
SEED = int(os.environ.get("TORTURE_SEED") or SystemRandom().getrandbits(32))
LOG_INTERVAL_SECONDS = SPEED / 4 + 0.01  # of the simulated clock; createdAt is rounded
TOLERANCE_JOULES = 0.01 * JOULES_PER_KWH


def report(outcome: Outcome) -> str:
    """The table of truths, and what was done."""
    lines = ["", f"{'charger':<10} {'true kWh':>10} {'counted kWh':>12} {'difference':>11} {'scrapes':>8} {'falls':>6}"]
    for charger, joules in outcome.truth.items():
        true, counted = joules / JOULES_PER_KWH, outcome.counted[charger] / JOULES_PER_KWH
        scrapes = outcome.stored[charger]
        lines.append(
            f"{charger:<10} {true:10.2f} {counted:12.2f} {counted - true:11.2f} {len(scrapes):8} {falls(scrapes):6}"
        )
    lines.append(", ".join(f"{times} {what}" for what, times in sorted(outcome.done.items())))
    return "\n".join(lines)


def falls(values: list[float]) -> int:
    """In how many pairs of consecutive scrapes the second is less."""
    return sum(after < before for before, after in pairwise(values))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, prometheus_binary: Path) -> Outcome:
    print(f"\ntorture of {SECONDS:g} s, {KILLS} times kill -9, TORTURE_SEED={SEED}")
    with Trial(tmp_path_factory.mktemp("torture"), prometheus_binary, SEED, SECONDS) as trial:
        outcome = trial.run(KILLS)
    print(report(outcome))
    return outcome


def test_every_counter_is_the_true_total(outcome: Outcome) -> None:
    off = {name: outcome.counted[name] - joules for name, joules in outcome.truth.items()}
    assert {name: by for name, by in off.items() if abs(by) > TOLERANCE_JOULES} == {}
    assert min(outcome.truth.values()) > 0


def test_no_counter_ever_falls_from_one_scrape_to_the_next(outcome: Outcome) -> None:
    assert outcome.stored.keys() == outcome.truth.keys()
    assert {name: falls(values) for name, values in outcome.stored.items() if falls(values)} == {}
    assert min(map(len, outcome.stored.values())) > SECONDS / 3


def test_prometheus_sees_no_reset(outcome: Outcome) -> None:
    assert outcome.resets == dict.fromkeys(outcome.truth, 0.0)


def test_the_increase_agrees_with_the_truth(outcome: Outcome) -> None:
    """Prometheus extrapolates by up to a scrape's time at either end, and the first scrape may come late."""
    for name, joules in outcome.truth.items():
        assert outcome.increase[name] == pytest.approx(joules - outcome.stored[name][0], rel=0.05), name


def test_the_list_is_that_of_the_true_sessions(outcome: Outcome) -> None:
    unlike = {}
    for name, true in outcome.true_sessions.items():
        listed = outcome.listed[name]
        if len(listed) != len(true) or not all(map(is_like, listed, true)):
            unlike[name] = {"true": true, "listed": listed}
    assert unlike == {}


def is_like(listed: TrialSession, true: TrialSession) -> bool:
    """Whether beginning and end are those of the true session to the log interval, and its energy to 0.01 kWh.

    The end is anywhere between the last log and the switch to OFF: the exporter dates that by the time since the last
    log, and its clock is 60 times slower than the simulated one.
    """
    if abs(listed.kwh - true.kwh) > 0.0101 or abs(listed.began - true.began) > LOG_INTERVAL_SECONDS:
        return False
    if listed.ended is None or true.ended is None:
        return listed.ended is true.ended
    return true.last_log - LOG_INTERVAL_SECONDS <= listed.ended <= true.ended + LOG_INTERVAL_SECONDS


def test_all_of_it_has_happened(outcome: Outcome) -> None:
    assert outcome.done["kill -9"] == KILLS
    assert outcome.done["sessions"] > len(outcome.truth)
    for what in ("restarts of a service", "broken transports", "Wi-Fi outages"):
        assert outcome.done[what] > 0
