"""The rows of a scrape: 10,000 chargers with every metric of the contract, over HTTP."""

import gzip
from collections.abc import Iterator
from statistics import median
from typing import Final

from benchmarks import compression, golang
from benchmarks.client import Client
from benchmarks.processes import Child
from benchmarks.rows import ROUNDS, Row, faster, quantity

# The case, n if every nth charger has a new log (0: none), whether the page is compressed, and the bar.
CASES: Final = (
    ("every charger had a new log since the last scrape", 1, False, 35.0),
    ("10 % of the chargers had one", 10, False, 80.0),
    ("nothing changed", 0, False, 250.0),
    ("every charger had a new log, with gzip as Prometheus asks", 1, True, 35.0),
    ("10 % of the chargers had one, with gzip", 10, True, 80.0),
    ("nothing changed, with gzip", 0, True, 250.0),
)


def measure(chargers: int, small: int, rounds: int = ROUNDS) -> Iterator[Row]:
    """All rows of the scrape table; `small` is the size of the small fleet."""
    client = Client()
    with Child("pages", "exporter", chargers) as exporter:
        with Child("pages", "reference", chargers) as reference:
            for case, every, with_gzip, bar in CASES:
                ours, theirs = _seconds(exporter, reference, client, every, chargers, rounds, with_gzip=with_gzip)
                yield faster(case, ours, theirs, bar)
        yield _commit(exporter, chargers, rounds)
        yield from golang.measure(exporter, client, rounds)
        yield _longest_hold(exporter, client, chargers, rounds)
        yield from compression.measure(client.get(exporter.started).body, rounds)
    with Child("rendering") as rendering:
        grown = rendering.ask("grow", size=chargers) / chargers / 1024
        yield Row("memory per charger, state and rendered text", quantity(grown, "KB"), grown, 12.0, "at most", "KB")
        yield _cost_by_size(rendering, chargers, small, rounds)


def _seconds(
    exporter: Child, reference: Child, client: Client, every: int, chargers: int, rounds: int, *, with_gzip: bool
) -> tuple[list[float], list[float]]:
    """How long each took for its page, round by round; they take turns."""
    ours, theirs = [], []
    for _ in range(rounds):
        for side in (exporter, reference):
            assert side.ask("log", every=every) == (-(-chargers // every) if every else 0)
        page = client.get(exporter.started, gzip=with_gzip)
        expected = client.get(reference.started, gzip=with_gzip)
        body, expected_body = (gzip.decompress(each.body) if with_gzip else each.body for each in (page, expected))
        # The page begins with the metrics of the chargers; those of the account and the process follow.
        assert expected_body.count(b"\n") > 25 * chargers
        assert body.startswith(expected_body), "the page is not what prometheus-client prints"
        ours.append(page.seconds)
        theirs.append(expected.seconds)
    return ours, theirs


def _commit(exporter: Child, chargers: int, rounds: int) -> Row:
    """How long a commit takes by itself, without a scrape, after a log of every charger."""
    seconds = []
    for _ in range(rounds):
        exporter.ask("log", every=1)
        seconds.append(exporter.ask("commit"))
    milliseconds = median(seconds) * 1e3
    figure = f"{quantity(milliseconds, 'ms')}, the median of {rounds}"
    return Row(f"commit of {chargers:,} chargers", figure, milliseconds, 30.0, "at most", "ms")


def _longest_hold(exporter: Child, client: Client, chargers: int, rounds: int) -> Row:
    """The longest time that a scrape blocks the event loop when every charger has a new log.

    Every second scrape is the first after a reload, so that nothing is cached.
    """
    longest = 0.0
    for number in range(2 * rounds):
        exporter.ask("log", every=1)
        if number % 2:
            exporter.ask("reload")
        exporter.ask("watch_loop")
        page = client.get(exporter.started, gzip=True)
        longest = max(longest, exporter.ask("longest_hold"))
        assert b"Content-Encoding: gzip" in page.headers
        assert gzip.decompress(page.body).count(b"\nvecharge_charger_power_watts{") == chargers
    milliseconds = longest * 1e3
    figure = f"{quantity(milliseconds, 'ms')}, the longest of {2 * rounds} scrapes"
    return Row("the event loop is held, gzip included", figure, milliseconds, 100.0, "at most", "ms")


def _cost_by_size(rendering: Child, chargers: int, small: int, rounds: int) -> Row:
    rendering.ask("grow", size=small)
    rendering.ask("grow", size=0)
    # A small fleet is rendered more often, in proportion to its size, so that both take equally long.
    times = max(1, chargers // small)
    costs = []
    for _ in range(rounds):
        of_large, of_small, of_none = (
            rendering.ask("render", fleet=fleet, times=often) for fleet, often in ((0, 1), (1, times), (2, times))
        )
        # Without the rest of the page, which costs the same for every size and would hide the difference.
        costs.append(((of_large - of_none) / chargers, (of_small - of_none) / small))
    large, few = median(large for large, _ in costs), median(few for _, few in costs)
    figure = f"{quantity(large * 1e6, 'us')} against {quantity(few * 1e6, 'us')} per charger"
    return Row(f"cost per charger at {chargers:,} against {small:,}", figure, large / few, 1.3, "at most", "x")
