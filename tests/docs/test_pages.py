"""Links of the pages lead somewhere, and the first commands of the README work."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.end_to_end.conftest import simulated
from tests.end_to_end.program import Exporter

__all__ = ["simulated"]

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md")),
)


def test_the_variables_of_the_readme_are_enough_to_watch_chargers(
    simulated: dict[str, list[dict[str, str]]], tmp_path: Path
) -> None:
    exported = re.findall(r"^export (\w+)=", (ROOT / "README.md").read_text(), re.MULTILINE)
    account = simulated["accounts"][0]
    values = {
        "VECHARGE_TOKEN": Path(account["token_file"]).read_text(),
        "VECHARGE_CHARGERS": " ".join(account["chargers"][:2]),
    }
    environment = {name: values[name] for name in exported} | {"VECHARGE_URL": account["url"]}
    exporter = Exporter(tmp_path / "exporter", command=(), env=environment)
    try:
        exporter.wait_until_up(2)
    finally:
        exporter.process.stop()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert any("make test" in block.commands for block in blocks("README.md"))
    assert "stage make test\n" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", (ROOT / page).read_text())
    for path, anchor in links:
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {path}"
        assert not anchor or anchor in anchors(target), f"{page} links to {path}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
