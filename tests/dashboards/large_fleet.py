"""A large fleet as Prometheus would have stored it: only the series and samples that the fleet dashboard reads.

Recorded series, histograms and the chargers of the timeline have samples over the whole range. Other raw series of
chargers have them for the day that a panel reads, or for the last minutes where it reads the present.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grafana.fleet_history import DURATION_BOUNDS, ENERGY_BOUNDS
from tests.dashboards.history import BLOCK_SECONDS, create_blocks

SCRAPE_SECONDS = 15
RULE_SECONDS = 300
HOUR = 3600
DAY = 86_400
# Longer than Prometheus looks back for the last sample.
PRESENT_SECONDS = 900
# As many as a page of the timeline shows; they are up for less of the time than all others.
TIMELINE = 20
CHARGERS_PER_SITE = 10
CHARGERS_PER_EXPORTER = 2500
ACCOUNTS = ("delhi", "pune", "bengaluru", "chennai")
# The last day has raw series of all chargers. Its blocks are short, and so are the files that make them.
LAST_BLOCKS_SECONDS = 7200


@dataclass(frozen=True)
class Samples:
    """Series, and the samples that each of them has from `begin` on."""

    begin: int
    every: int
    value: Callable[[int], float]
    series: Iterable[str]

    def lines(self, begin: int, end: int) -> Iterator[str]:
        """The samples of a block, as OpenMetrics."""
        first = max(-(-begin // self.every) * self.every, self.begin)
        tails = [f" {self.value(unix):g} {unix}\n" for unix in range(first, end, self.every)]
        if tails:
            yield from (f"{name}{name.join(tails)}" for name in self.series)


def write_blocks(promtool: Path, folder: Path, *, chargers: int, days: int, end_unix: int) -> None:
    """Fill the data folder of a Prometheus."""
    folder.mkdir(parents=True)
    begin = end_unix - days * DAY
    text = folder.with_suffix(".openmetrics")
    samples = [*of_chargers(chargers, begin, end_unix), *of_accounts(chargers, begin), *of_exporters(chargers, begin)]
    for block_begin, block_end in blocks(begin, end_unix + 1):
        with text.open("w") as file:
            for one in samples:
                file.writelines(one.lines(block_begin, block_end))
            file.write("# EOF\n")
        create_blocks(promtool, text, folder)
    text.unlink()


def blocks(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each block, long ones up to the last day."""
    while begin < end:
        long_end = (begin // int(BLOCK_SECONDS) + 1) * int(BLOCK_SECONDS)
        short_end = (begin // LAST_BLOCKS_SECONDS + 1) * LAST_BLOCKS_SECONDS
        until = long_end if long_end < end - DAY else min(short_end, end)
        yield begin, until
        begin = until


def of_chargers(chargers: int, begin: int, end: int) -> Iterator[Samples]:
    """What is stored of each charger."""
    weak, strong = range(TIMELINE), range(TIMELINE, chargers)
    for numbers, is_up in ((weak, _weak), (strong, _one)):
        recorded = [f'{{job="vecharge",{_charger(n)},{_place(n)},name="Charger {n}"}}' for n in numbers]
        yield Samples(begin, RULE_SECONDS, is_up, [f"charger:vecharge_charger_up:avg5m{labels}" for labels in recorded])
        yield Samples(
            begin, HOUR, _one, [f"charger:vecharge_charger_info:last_over_time1h{labels}" for labels in recorded]
        )
        sites = [f'{{job="vecharge",{_charger(n)},{_place(n)}}}' for n in numbers]
        yield Samples(begin, RULE_SECONDS, _rise, [f"charger:vecharge_charger_energy_joules:rise{it}" for it in sites])
        raw = [f"{_target(n // CHARGERS_PER_EXPORTER)},{_charger(n)}" for n in numbers]
        since = begin if numbers is weak else end - PRESENT_SECONDS
        yield Samples(since, SCRAPE_SECONDS, is_up, [f"vecharge_charger_up{{{it}}}" for it in raw])
        for status, value in (("on", _one), ("off", _zero), ("unknown", _zero)):
            names = [f'vecharge_charger_status{{{it},status="{status}"}}' for it in raw]
            yield Samples(since, SCRAPE_SECONDS, value, names)
    present, day = end - PRESENT_SECONDS, end - DAY
    everyone = [(n, f"{_target(n // CHARGERS_PER_EXPORTER)},{_charger(n)}") for n in range(chargers)]
    info = [f'vecharge_charger_info{{{it},{_place(n)},name="Charger {n}"}}' for n, it in everyone]
    yield Samples(present, SCRAPE_SECONDS, _one, info)
    for metric in ("power_watts", "session_energy_joules", "last_log_timestamp_seconds", "energy_joules_total"):
        names = [f"vecharge_charger_{metric}{{{it}}}" for _, it in everyone]
        yield Samples(present, SCRAPE_SECONDS, _counter, names)
    for metric in ("stream_disconnections", "charger_sessions", "charger_readings_rejected"):
        yield Samples(day, SCRAPE_SECONDS, _counter, [f"vecharge_{metric}_total{{{it}}}" for _, it in everyone])


def of_accounts(chargers: int, begin: int) -> Iterator[Samples]:
    """What is stored of each account and site; the histograms of an account are of each exporter."""
    for account in ACCOUNTS:
        labels = f'job="vecharge",account="{account}"'
        for metric in ("charger_up:sum", "charger_up:count", "charger_power_watts:sum"):
            yield Samples(begin, SCRAPE_SECONDS, _counter, [f"account:vecharge_{metric}{{{labels}}}"])
        on = f'account_status:vecharge_charger_status:sum{{{labels},status="on"}}'
        yield Samples(begin, SCRAPE_SECONDS, _counter, [on])
    sites = {f'site:vecharge_charger_energy_joules:rise{{job="vecharge",{_place(n)}}}' for n in range(chargers)}
    yield Samples(begin, RULE_SECONDS, _rise, sorted(sites))
    for exporter in range(-(-chargers // CHARGERS_PER_EXPORTER)):
        for account in ACCOUNTS:
            labels = f'{_target(exporter)},account="{account}"'
            for kind, bounds in (("energy_joules", ENERGY_BOUNDS), ("duration_seconds", DURATION_BOUNDS)):
                name = f"vecharge_account_session_{kind}"
                buckets = [f'{name}_bucket{{{labels},le="{le}"}}' for le in (*bounds.values(), "+Inf")]
                yield Samples(begin, SCRAPE_SECONDS, _counter, [*buckets, f"{name}_count{{{labels}}}"])


def of_exporters(chargers: int, begin: int) -> Iterator[Samples]:
    """What is stored of each exporter."""
    exporters = -(-chargers // CHARGERS_PER_EXPORTER)
    for number in range(exporters):
        names = [
            f"up{{{_target(number)}}}",
            f'vecharge_exporter_build_info{{{_target(number)},version="1"}}',
            f'vecharge_exporter_shard_info{{{_target(number)},shard="{number}",total_shards="{exporters}"}}',
        ]
        yield Samples(begin, SCRAPE_SECONDS, _one, names)


def _target(exporter: int) -> str:
    return f'job="vecharge",instance="vecharge-{exporter}:10037"'


def _charger(number: int) -> str:
    return f'charger_id="c{number:05}"'


def _place(number: int) -> str:
    site = number // CHARGERS_PER_SITE
    return f'account="{ACCOUNTS[site % len(ACCOUNTS)]}",address="Site {site}"'


def _one(_: int) -> float:
    return 1


def _zero(_: int) -> float:
    return 0


def _weak(unix: int) -> float:
    """Down for five minutes of each hour."""
    return float(unix % 3600 >= RULE_SECONDS)


def _rise(unix: int) -> float:
    """Joules in five minutes, at a power that changes."""
    return 36_000.0 * (unix // RULE_SECONDS % 60)


def _counter(unix: int) -> float:
    """Rises by one in each minute."""
    return unix // 60 - 29_000_000
