"""The GitHub workflows are pinned and have least permissions."""

import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import or_skip
from tests.packaging.tools import ROOT, run, tool

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_zizmor_finds_no_problem() -> None:
    run(or_skip(lambda: tool("zizmor")), "--offline", "--quiet", "--no-progress", "--persona=pedantic", ".github")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_action_is_pinned_by_commit_with_its_version(workflow: Path) -> None:
    uses = re.findall(r"uses: (.*)", workflow.read_text())
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_job_has_a_timeout_and_permissions(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        assert job["timeout-minutes"] <= 60, name
        assert job["permissions"], name


def test_ci_runs_on_every_python_that_the_project_declares() -> None:
    declared = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == declared


def test_ci_installs_the_programs_that_need_root() -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert any("sudo apt-get install" in command and " prometheus-alertmanager" in command for command in commands[:-1])
    assert commands[-1].startswith("make test")
