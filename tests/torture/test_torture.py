"""The energy counter with random faults, in a short form; `make torture` runs the long one."""

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
# Of the simulated clock.
LOG_INTERVAL_SECONDS = SPEED / 4 + 0.01  # createdAt is rounded
LONGEST_RESTART_SECONDS = SPEED * 20
LONGEST_OUTAGE_SECONDS = SPEED * 5  # of a second, and a new connection, which takes seconds on a busy machine
TOLERANCE_KWH = 0.0101
TOLERANCE_JOULES = 0.01 * JOULES_PER_KWH


def report(outcome: Outcome) -> str:
    """The true and counted energies, and the number of faults."""
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
    """The number of pairs of consecutive scrapes in which the second value is lower."""
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


def test_no_counter_falls_between_scrapes(outcome: Outcome) -> None:
    assert outcome.stored.keys() == outcome.truth.keys()
    assert {name: falls(values) for name, values in outcome.stored.items() if falls(values)} == {}
    # A busy machine scrapes less often than every second, but also between two kills.
    assert min(map(len, outcome.stored.values())) > 2 * KILLS


def test_prometheus_sees_no_reset(outcome: Outcome) -> None:
    assert outcome.resets == dict.fromkeys(outcome.truth, 0.0)


def test_the_increase_agrees_with_the_truth(outcome: Outcome) -> None:
    """Prometheus extrapolates by up to a scrape's time at either end, and the first scrape may come late."""
    for name, joules in outcome.truth.items():
        stored = outcome.stored[name]
        assert outcome.increase[name] == pytest.approx(joules - stored[0], rel=2 / (len(stored) - 1)), name


def test_the_list_has_exactly_the_true_sessions(outcome: Outcome) -> None:
    listed = {name: len(sessions) for name, sessions in outcome.listed.items()}
    assert listed == {name: len(sessions) for name, sessions in outcome.true_sessions.items()}


def pairs_of(outcome: Outcome) -> list[tuple[str, TrialSession, TrialSession]]:
    """Charger, listed session and true session."""
    return [
        (name, listed, true)
        for name in outcome.truth
        for listed, true in zip(outcome.listed[name], outcome.true_sessions[name], strict=False)
    ]


def test_every_session_has_its_true_energy_start_and_end(outcome: Outcome) -> None:
    pairs = pairs_of(outcome)
    assert [pair for pair in pairs if abs(pair[1].kwh - pair[2].kwh) > TOLERANCE_KWH] == []
    assert [pair for pair in pairs if not begins_as(*pair[1:])] == []
    assert [pair for pair in pairs if not ends_as(*pair[1:])] == []


def test_nearly_all_starts_are_known_to_the_log_interval_if_the_switch_to_on_was_seen(outcome: Outcome) -> None:
    seen = [pair for pair in pairs_of(outcome) if pair[1].began_by == "status"]
    late = [pair for pair in seen if pair[1].began - pair[2].began > LOG_INTERVAL_SECONDS]
    assert len(late) <= 2 + len(seen) / 10, late  # about 3 of 100: outages are random


def begins_as(listed: TrialSession, true: TrialSession) -> bool:
    """The start is known to the log interval, if the switch to ON was seen; a session may also begin unseen.

    The exporter dates the switch by the time until the first log, and its clock is 60 times slower than the simulated
    one: if an outage loses the first logs, the start is late by that time.
    """
    is_seen = listed.began_by == "status"
    latest = LONGEST_OUTAGE_SECONDS + LOG_INTERVAL_SECONDS if is_seen else LONGEST_RESTART_SECONDS
    return -LOG_INTERVAL_SECONDS <= listed.began - true.began <= latest


def ends_as(listed: TrialSession, true: TrialSession) -> bool:
    """The end is known to the log interval. It is between the last log and the switch to OFF.

    The exporter dates the switch by the time since the last log, and its clock is 60 times slower than the
    simulated one.
    """
    if listed.ended is None or true.ended is None:
        return listed.ended is true.ended
    earliest, latest = true.last_log - LOG_INTERVAL_SECONDS, true.ended + LOG_INTERVAL_SECONDS
    return earliest <= listed.ended <= latest


def test_every_fault_was_injected(outcome: Outcome) -> None:
    assert outcome.done["kill -9"] == KILLS
    assert outcome.done["sessions"] > len(outcome.truth)
    for what in ("restarts of a service", "broken transports", "Wi-Fi outages"):
        assert outcome.done[what] > 0
