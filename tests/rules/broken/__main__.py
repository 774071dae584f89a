"""Plays every outage, or those that are named."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import requests
from playwright.sync_api import Error as BrowserError

from tests.rules.broken import pages, said
from tests.rules.broken.scenarios import SCENARIOS
from tests.rules.broken.stack import Stack, alertmanager, minutes

# On two cores.
AT_ONCE = 2
# The rules of long ranges are evaluated every 5 minutes.
HEALTHY_MINUTES = 10
# Every alert on something that is repaired ends within half an hour.
REPAIRED_MINUTES = 32
MOST_ENERGY_ERROR = 0.01


class Report(NamedTuple):
    text: str
    good: bool


def play(folder: Path, name: str, preview: str | None) -> Report:
    scenario = SCENARIOS[name]
    pictures = str(folder / name.replace(" ", "-"))
    with Stack(Path(pictures), scenario.chargers, shards=scenario.shards, unknown=scenario.unknown) as stack:
        before = said.energy(stack)
        stack.order("chargers/all/resume")
        minutes(HEALTHY_MINUTES)
        with scenario.outage(stack):
            moment, charger_id = time.time(), said.affected(stack)
            lines = [f"page: {line}" for line in pages.said(stack, pictures)]
            lines += [f"dashboard {line}" for line in said.dashboards(stack, charger_id)]
            lines += [f"notification: {line}" for line in said.notifications(stack)]
            notified = len(stack.webhook.notifications)
        minutes(REPAIRED_MINUTES)
        lines += [f"notification after the repair: {line}" for line in said.notifications(stack)[notified:]]
        lines += [f"dashboard after the repair {line}" for line in said.dashboards(stack, charger_id)]
        after = said.energy(stack)
        if preview:
            said.draw(stack, preview, pictures, moment, charger_id)
        counted_error = after.counted / after.delivered - 1
        shown_error = after.shown / (after.delivered - before.delivered) - 1
        lines.append(f"energy: {after.counted:.2f} kWh counted of {after.delivered:.2f}: {counted_error:+.2%}")
        lines.append(f"energy on the fleet dashboard: {after.shown:.2f} kWh in this time: {shown_error:+.2%}")
        good = max(abs(counted_error), abs(shown_error)) <= MOST_ENERGY_ERROR
        return Report("\n".join([f"## {name}", f"fired: {', '.join(said.fired(stack))}", *lines]), good)


def attempt(folder: Path, name: str, preview: str | None) -> Report:
    """A scenario; one that fails leaves the others alone."""
    try:
        return play(folder, name, preview)
    except (AssertionError, OSError, requests.RequestException, BrowserError) as error:
        return Report(f"## {name}\nnot played: {error!r}", good=False)


def main(folder: Path, preview: str | None, names: list[str]) -> int:
    alertmanager()  # prepared once, before the scenarios run at once
    good = True
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for report in pool.map(lambda name: attempt(folder, name, preview), names):
            print(report.text, end="\n\n", flush=True)
            good &= report.good
    return 0 if good else 1


if __name__ == "__main__":
    at, *others = sys.argv[1:]
    sys.exit(main(Path(at), others[0] if others else None, others[1:] or list(SCENARIOS)))
