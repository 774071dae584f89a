"""Histories of a few series, made at once: blocks of a Prometheus from samples at times."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from tests.dashboards.history import BLOCK_SECONDS, create_blocks

# A series with its labels, and its samples: unix time and value.
Samples = Mapping[str, Iterable[tuple[float, float]]]


def write_blocks(promtool: Path, folder: Path, series: Samples) -> None:
    """Fill the data folder of a Prometheus."""
    folder.mkdir(parents=True, exist_ok=True)
    text = folder.with_suffix(".openmetrics")
    lines = [(unix, name, value) for name, samples in series.items() for unix, value in samples]
    lines.sort(key=lambda line: line[0] // BLOCK_SECONDS)
    for _, block in groupby(lines, key=lambda line: line[0] // BLOCK_SECONDS):
        text.write_text("".join(f"{name} {value} {unix}\n" for unix, name, value in block) + "# EOF\n")
        create_blocks(promtool, text, folder)
    text.unlink()
