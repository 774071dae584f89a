"""`python -m benchmarks`: runs all benchmarks, prints their rows as they come, writes docs/benchmarks.md."""

import time
from collections.abc import Iterator

import click

from benchmarks import live, scrapes, streams
from benchmarks.processes import ROOT
from benchmarks.report import line, machine, markdown
from benchmarks.rows import COLUMNS, ROUNDS, Row

REPORT = ROOT / "docs" / "benchmarks.md"


def all_of_them() -> dict[str, Iterator[Row]]:
    """What the report shows."""
    return {
        "The scrape, 10,000 chargers": scrapes.measure(10_000, 100),
        "The streams": streams.measure(many=2_000, few=500, rounds=10, logs_a_round=15, every=0.2),
        "The live fleet, over TLS": live.measure(5_000, seconds=30.0, encrypted=True),
        "The live fleet, over plain HTTP": live.measure(5_000, seconds=30.0, encrypted=False),
        "The command": live.startup(),
    }


def a_few() -> dict[str, Iterator[Row]]:
    """The same with a handful of chargers: shows that the benchmarks work, and nothing about speed."""
    return {
        "The scrape": scrapes.measure(40, 20, rounds=1),
        "The streams": streams.measure(many=10, few=5, rounds=1, logs_a_round=2, every=0.05),
        "The live fleet, over TLS": live.measure(10, seconds=0.5, encrypted=True),
        "The live fleet, over plain HTTP": live.measure(10, seconds=0.5, encrypted=False),
        "The command": live.startup(),
    }


@click.command()
@click.option("--quick", is_flag=True, help="Only show that the benchmarks work; write no report.")
def main(quick: bool) -> None:
    """Measure, print every row and write docs/benchmarks.md."""
    began = time.monotonic()
    tables: dict[str, list[Row]] = {}
    for title, rows in (a_few() if quick else all_of_them()).items():
        click.echo(f"\n{title}\n{line(COLUMNS)}")
        tables[title] = []
        for row in rows:
            tables[title].append(row)
            click.echo(line(row.cells))
    seconds = time.monotonic() - began
    missed = sum(not row.is_met for rows in tables.values() for row in rows)
    click.echo(f"\n{missed} of {sum(map(len, tables.values()))} bars missed, {seconds:.0f} s, on {machine()}")
    if not quick:
        REPORT.write_text(markdown(tables, ROUNDS, seconds))
        click.echo(f"written: {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
