"""What README and CONTRIBUTING tell people to type works."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exporter.config import load as config
from tests.end_to_end.conftest import simulated
from tests.end_to_end.program import Exporter

__all__ = ["simulated"]

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")


def blocks(language: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE):
            yield page, block


SHELL = [line.partition("#")[0].strip() for _, block in blocks("sh") for line in block.splitlines() if line.strip()]
YAML = [block for _, block in blocks("yaml")]


def test_every_block_says_what_it_is() -> None:
    fences = [line for page in PAGES for line in (ROOT / page).read_text().splitlines() if line.startswith("```")]
    assert set(fences[0::2]) == {"```sh", "```yaml"}
    assert set(fences[1::2]) == {"```"}


def test_of_make_it_tells_the_demo_and_the_tests() -> None:
    # tests/end_to_end/test_demo.py types the one, CI (.ci/run) the other.
    assert {line for line in SHELL if line.startswith("make")} == {"make demo", "make test"}
    assert "stage make test\n" in (ROOT / ".ci/run").read_text()


def test_what_is_not_make_is_to_install_and_to_watch() -> None:
    others = [line for line in SHELL if not line.startswith("make")]
    assert [line.split("=")[0] for line in others] == [
        "pip install .",  # tests/packaging installs what it builds
        "export VECHARGE_TOKEN",
        "export VECHARGE_CHARGERS",
        "vecharge-exporter",
    ]


def test_a_few_variables_are_enough_to_watch_chargers(
    simulated: dict[str, list[dict[str, str]]], tmp_path: Path
) -> None:
    account = simulated["accounts"][0]
    environment = {line.split("=")[0].removeprefix("export "): "" for line in SHELL if line.startswith("export ")}
    environment["VECHARGE_TOKEN"] = Path(account["token_file"]).read_text()
    environment["VECHARGE_CHARGERS"] = ",".join(account["chargers"][:2])
    exporter = Exporter(tmp_path / "exporter", command=(), env=environment | {"VECHARGE_URL": account["url"]})
    try:
        exporter.wait_until_up(2)
    finally:
        exporter.process.stop()


@pytest.mark.parametrize("block", [block for block in YAML if block.startswith("accounts:")])
def test_the_configuration_is_valid(block: str, tmp_path: Path) -> None:
    file = tmp_path / "vecharge.yml"
    file.write_text(block)
    assert [charger.id for charger in config.load(file).accounts[0].chargers] == ["test", "veChargePoint0125896"]


@pytest.mark.parametrize("block", [block for block in YAML if block.startswith("scrape_configs:")])
def test_the_scrape_configuration_is_valid(block: str, tmp_path: Path, promtool: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(block)
    subprocess.run([promtool, "check", "config", file], check=True, capture_output=True)
    assert yaml.safe_load(block)["scrape_configs"][0]["static_configs"][0]["targets"] == ["localhost:10037"]


@pytest.mark.parametrize(
    "page", [*PAGES, "SECURITY.md", *(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md"))]
)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
    missing = [link for link in links if not ((ROOT / page).parent / link).exists()]
    assert not missing
