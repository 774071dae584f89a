"""The packages of images, releases and tests are locked: one version each, with hashes and without an address."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.tools import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
NODE_LOCKS = [ROOT / "tests" / folder / "package-lock.json" for folder in ("node", "dashboards/node")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES = [Requirement(text) for text in PROJECT["project"]["dependencies"]]


def locked(name: str) -> dict[str, str]:
    """The version of each package in `requirements/NAME`."""
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_and_hashed(lock: Path) -> None:
    entries = re.split(r"\n(?=[a-z])", lock.read_text().partition("\n#    make lock\n")[2].strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[^ ]+ ", entry), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


@pytest.mark.parametrize("lock", NODE_LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_every_package_of_npm_is_pinned_and_hashed_without_an_address(lock: Path) -> None:
    text = lock.read_text()
    packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if not package.get("version")] == []
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha")] == []
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_locks_name_no_index(lock: Path) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|@ ", lock.read_text())


@pytest.mark.parametrize("requirement", DEPENDENCIES, ids=lambda requirement: requirement.name)
def test_the_lock_meets_the_requirements_of_the_project(requirement: Requirement) -> None:
    versions = locked("socketio4.txt")
    assert requirement.name in versions, "renew it: make lock"
    assert requirement.specifier.contains(versions[requirement.name]), "renew it: make lock"


def test_the_two_locks_differ_by_the_generation_of_socketio_only() -> None:
    documented, newer = locked("socketio4.txt"), locked("socketio5.txt")
    assert documented["python-socketio"] == "4.6.1"
    assert newer["python-socketio"].startswith("5.")
    shared = documented.keys() & newer.keys() - {"python-socketio", "python-engineio"}
    assert {name: documented[name] for name in shared} == {name: newer[name] for name in shared}


def test_the_build_lock_has_the_build_backend() -> None:
    versions = locked("build.txt")
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert requirement.specifier.contains(versions[requirement.name])
