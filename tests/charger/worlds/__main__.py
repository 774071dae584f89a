"""Replays thousands of random worlds and prints the errors as a table: `make worlds`, or `make worlds SEED=7`.

With the name of a world (`python -m tests.charger.worlds 7/outages/12`) prints its recording, and its truth on
standard error.
"""

import os
import secrets
import sys
import time
from multiprocessing import Pool

from tests.charger.worlds.causes import EVERY_CAUSE, LISTED, MIXED_BAR
from tests.charger.worlds.judge import Judgement, judge_world
from tests.charger.worlds.making import MIXED, WorldName, make
from tests.charger.worlds.table import HEAD, LIST_HEAD, ListRow, Row

WORLDS_OF_A_CAUSE = 100
MIXED_WORLDS = 1000


def print_tables(seed: str) -> bool:
    """Judge all worlds of a seed; return whether every bar is met."""
    started = time.monotonic()
    numbers = dict.fromkeys(EVERY_CAUSE, WORLDS_OF_A_CAUSE) | {MIXED: MIXED_WORLDS}
    names = [WorldName(seed, cause, number) for cause, count in numbers.items() for number in range(count)]
    by_cause: dict[str, list[Judgement]] = {cause: [] for cause in numbers}
    with Pool() as pool:
        for judgement in pool.imap(judge_world, names, chunksize=15):
            by_cause[judgement.name.cause].append(judgement)
    bars = {name: cause.bar for name, cause in EVERY_CAUSE.items()} | {MIXED: MIXED_BAR}
    rows = [Row(cause, judgements, bars[cause]) for cause, judgements in by_cause.items()]
    lists = [ListRow(cause, by_cause[cause]) for cause in LISTED]
    print("\n".join([HEAD, *(row.line() for row in rows), "", LIST_HEAD, *(row.line() for row in lists), ""]))
    print(f"{rows[-1].over_worlds:.1f} % of the mixed worlds count anything too much (bar {MIXED_BAR.over_worlds} %)")
    missed = sum(bool(row.misses) for row in rows) + sum(not row.is_right for row in lists)
    seconds = time.monotonic() - started
    print(f"{len(names)} worlds in {seconds:.0f} s; {missed} rows miss a bar; SEED={seed} makes them again")
    return not missed


def print_world(name: WorldName) -> None:
    """Print the recording of one world."""
    recorded = make(name)
    sys.stdout.buffer.writelines(recorded.lines)
    for sent in recorded.truth.sent:
        apart = "" if sent.is_apart else "  (cannot be distinguished from the one before)"
        print(f"begun {sent.session.begun:.1f}  {sent.kwh:8.2f} kWh  {sent.session.user}{apart}", file=sys.stderr)
    print("true joules, least and most:", recorded.truth.joules, "sessions:", recorded.truth.number, file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:]:
        print_world(WorldName.read(sys.argv[1]))
    else:
        sys.exit(not print_tables(os.environ.get("SEED") or str(secrets.randbelow(10**6))))
