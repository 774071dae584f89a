"""How numbers look: every field of the dashboards, formatted by Grafana's own code."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import or_skip
from tests.dashboards.reading import NAMES, read
from tests.node.packages import installed

HERE = Path(__file__).parent / "node"
KWH = (1.234, 123.4, 12_340.0, 1_234_000.0)
KWH_OF = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3, "GWh": 1e6}
ENERGY = {"kwatth", "suffix:kWh"}
SECONDS = (4.0, 75.0, 3_600.0, 86_400.0, 7_776_000.0)


class Field(NamedTuple):
    """A field of a panel, and the settings that decide how it looks."""

    board: str
    panel: str
    kind: str
    config: dict[str, Any]

    @property
    def unit(self) -> str:
        return str(self.config["unit"])


def fields() -> Iterator[Field]:
    """The field of each panel, and those that have a unit of their own."""
    for name in NAMES:
        for panel in read(name).panels:
            defaults = panel["fieldConfig"]["defaults"]
            own = [{one["id"]: one["value"] for one in it["properties"]} for it in panel["fieldConfig"]["overrides"]]
            for settings in (defaults, *({**defaults, **it} for it in own if "unit" in it)):
                config = {key: settings[key] for key in ("unit", "decimals") if settings.get(key) is not None}
                yield Field(name, panel["title"], panel["type"], config)


def formatted(of: list[Field], values: tuple[float, ...]) -> list[list[str]]:
    """The texts of the values in each field."""
    packages = or_skip(lambda: installed(HERE))
    asked = json.dumps([{"config": field.config, "values": values} for field in of])
    environment = {**os.environ, "NODE_PATH": str(packages)}
    command = ["node", str(HERE / "format.js")]
    ended = subprocess.run(command, input=asked, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    texts: list[list[str]] = json.loads(ended.stdout)
    return texts


def test_three_digits_of_an_energy_are_shown_from_1_to_1_000_000_kwh() -> None:
    energies = [field for field in fields() if field.unit in ENERGY]
    assert {field.kind for field in energies} >= {"stat", "table", "timeseries", "bargauge", "barchart"}
    for field, texts in zip(energies, formatted(energies, KWH), strict=True):
        for kwh, text in zip(KWH, texts, strict=True):
            number, unit = text.split()
            assert float(number) * KWH_OF[unit] == pytest.approx(kwh, rel=0.005), (field, text)


def test_a_column_a_chart_and_a_ranking_have_one_unit_of_energy() -> None:
    energies = [field for field in fields() if field.unit in ENERGY and field.kind != "stat"]
    for field, texts in zip(energies, formatted(energies, (0.012, *KWH)), strict=True):
        assert {text.split()[1] for text in texts} == {"kWh"}, field


def test_an_age_has_one_decimal_everywhere() -> None:
    ages = [field for field in fields() if field.unit == "s" and field.kind in {"stat", "table", "bargauge"}]
    assert ages
    for field, texts in zip(ages, formatted(ages, SECONDS), strict=True):
        assert all(re.fullmatch(r"\d+\.\d \w+", text) for text in texts), (field, texts)
