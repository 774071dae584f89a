"""What rules, receivers and dashboards said of an outage, and how much energy was counted."""

import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.dashboards.reading import FOLDER, NAMES, Query, read
from tests.prometheus import Sample
from tests.rules.broken.stack import SCRAPE_SECONDS, START_SECONDS, Stack

RANGE_SECONDS = 240
VARIABLES = {"job": ".+", "instance": ".+", "raw": ".+", "recorded": "", "page": "1", "shown": ".+", "account": "delhi"}
# The resolution of the meters.
HUNDREDTH_KWH = 0.01
# One that is not watched, or cannot be reached, if there is one.
AFFECTED = (
    "topk(1, 2 * group by (charger_id) (last_over_time(vecharge_charger_up[1h]) unless vecharge_charger_up)"
    " or group by (charger_id) (vecharge_charger_up == 0) or 0 * group by (charger_id) (vecharge_charger_up))"
)


def fired(stack: Stack) -> list[str]:
    """Every alert that has fired."""
    samples = stack.prometheus.query(
        'max by (alertname, severity) (max_over_time(ALERTS{alertstate="firing",severity!="none"}[1h]))'
    )
    return sorted(f"{_short(one.labels['alertname'])} ({one.labels['severity']})" for one in samples)


def notifications(stack: Stack) -> list[str]:
    """Each notification: its receiver, and how many alerts of which name fire or are resolved in it."""
    lines = []
    for notification in stack.webhook.notifications:
        names = Counter(f"{_short(one['labels']['alertname'])} {one['status']}" for one in notification.body["alerts"])
        alerts = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in names.items())
        lines.append(f"{notification.receiver}: {alerts}")
    return lines


def affected(stack: Stack) -> str:
    """A charger that the outage affects."""
    found: str = stack.prometheus.query(AFFECTED)[0].labels["charger_id"]
    return found


def dashboards(stack: Stack, charger_id: str) -> Iterator[str]:
    """A line for each dashboard: the numbers at its top, in the words that it shows, and the firing alerts."""
    for name in NAMES:
        board = read(name)
        words = {panel["title"]: _words(panel) for panel in board.panels if panel["type"] == "stat"}
        shown = {
            query.panel: ", ".join(_text(one, words.get(query.panel, {})) for one in _ask(stack, query, charger_id))
            for query in board.queries
            if query.instant and query.panel in {*words, "Firing alerts"}
        }
        yield f"{name}: " + "; ".join(f"{title}: {text or 'nothing'}" for title, text in shown.items())


def draw(stack: Stack, preview: str, pictures: str, moment: float, charger_id: str) -> None:
    """Pictures of the dashboards as they were at a moment."""
    for name in NAMES:
        command = [preview, str(FOLDER / f"{name}.json"), "--prometheus", stack.prometheus.url, "--width", "1600"]
        command += ["--from", f"{moment - RANGE_SECONDS:.0f}000", "--to", f"{moment:.0f}000"]
        command += ["--scrape-interval", f"{SCRAPE_SECONDS}s", "--out", f"{pictures}-{name}.png"]
        if name == "charger":
            command += ["--var", f"charger_id={charger_id}"]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
        Path(f"{pictures}-{name}.txt").write_text(ended.stdout + ended.stderr)


class Energy(NamedTuple):
    """kWh of all watched chargers."""

    delivered: float
    counted: float
    # "Last 24 h" of the fleet dashboard: what was delivered since Prometheus first saw the counters.
    shown: float


def energy(stack: Stack) -> Energy:
    """The true energy, and what is said of it, read while no charger delivers anything.

    A counter is behind the truth by up to a log, a commit and a scrape, and ahead of a truth that is read before it.
    """
    stack.order("chargers/all/pause")
    totals = [one for one in stack.ask("totals")["chargers"] if one["id"] in stack.watched]
    delivered = sum(float(one["total_kwh"]) for one in totals)
    counters = "sum(vecharge_charger_energy_joules_total) / 3.6e6"
    with suppress(AssertionError):  # the difference says that the counters are not right
        stack.prometheus.wait_for(f"abs({counters} - {delivered}) < {HUNDREDTH_KWH / 2}", seconds=START_SECONDS)
    (shown,) = (query for query in read("fleet").queries if query.panel == "Last 24 h")
    return Energy(
        delivered, stack.prometheus.query(counters)[0].value, sum(one.value for one in _ask(stack, shown, ""))
    )


def _ask(stack: Stack, query: Query, charger_id: str) -> list[Sample]:
    filled = query.filled_in(
        range_seconds=RANGE_SECONDS,
        step_seconds=SCRAPE_SECONDS,
        scrape_seconds=SCRAPE_SECONDS,
        **VARIABLES,
        charger_id=charger_id,
    )
    return stack.prometheus.query(filled)


def _words(panel: dict[str, Any]) -> dict[str, str]:
    """The words of a panel's numbers."""
    mappings = panel["fieldConfig"]["defaults"].get("mappings", ())
    return {number: result["text"] for mapping in mappings for number, result in mapping["options"].items()}


def _text(sample: Sample, words: Mapping[str, str]) -> str:
    if "alertname" in sample.labels:
        return f"{_short(sample.labels['alertname'])} of {sample.labels.get('about', 'nothing')}"
    return sample.labels.get("shown") or words.get(f"{sample.value:.0f}") or f"{sample.value:.4g}"


def _short(alert: str) -> str:
    return alert.removeprefix("Vecharge")
