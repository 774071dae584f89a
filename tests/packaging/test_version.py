"""The version is defined in `exporter/__init__.py`; copies of it must match."""

import re
from pathlib import Path

import pytest
import yaml

from exporter import __version__
from tests.packaging.tools import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_package_has_the_version_of_the_code() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert __version__ not in re.findall(r'^version = "(.*)"', project, re.MULTILINE)


def test_the_changelog_begins_with_its_entry() -> None:
    assert re.findall(r"^## \[(.*?)\]", CHANGELOG, re.MULTILINE)[:2] == ["Unreleased", __version__]


def test_kubernetes_runs_the_version() -> None:
    (image,) = yaml.safe_load((ROOT / "deploy/kubernetes/kustomization.yaml").read_text())["images"]
    assert image["newTag"] == __version__


def test_compose_runs_the_version() -> None:
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    assert f"vecharge-exporter:{__version__}" in services["exporter"]["image"]
    assert services["demo"]["image"] == services["exporter"]["image"]


@pytest.mark.parametrize("file", sorted((ROOT / "docs").glob("*.md")), ids=lambda file: file.name)
def test_no_document_names_another_version_of_the_image(file: Path) -> None:
    assert set(re.findall(r"vecharge-exporter:(\d+\.\d+\.\d+)", file.read_text())) <= {__version__}
