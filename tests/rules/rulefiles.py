"""The rule files and their unit tests, as the tests read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
PROMETHEUS = PROJECT / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
RECORDING = PROMETHEUS / "recording.yml"
UNIT_TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert or a recording rule; what a recording rule has none of is empty."""

    name: str
    expr: str
    for_: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def alerts() -> list[Rule]:
    return list(_rules(ALERTS, "alert"))


def records() -> list[Rule]:
    return list(_rules(RECORDING, "record"))


def document(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def _rules(file: Path, kind: str) -> Iterator[Rule]:
    for group in document(file)["groups"]:
        for rule in group["rules"]:
            yield Rule(
                name=rule[kind],
                expr=rule["expr"],
                for_=rule.get("for", ""),
                labels=rule.get("labels", {}),
                annotations=rule.get("annotations", {}),
            )
