"""The content of the Dockerfile; image.py builds and runs it."""

import re

from tests.conftest import or_skip
from tests.packaging.tools import ROOT, run, tool

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_hadolint_finds_no_problem() -> None:
    run(or_skip(lambda: tool("hadolint")), "Dockerfile")


def test_the_base_is_pinned_by_its_digest() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=\S+:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]


def test_every_installation_from_the_index_is_checked_against_hashes() -> None:
    commands = re.split(r"&&|\n", DOCKERFILE.replace("\\\n", " "))
    installs = [command for command in commands if "pip" in command and " install " in command]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps /dist/*.whl" in install


def test_the_build_context_has_only_the_files_of_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is ignored but for what is named"
    assert {rule for rule in rules[1:] if rule.startswith("!")} == {
        "!exporter",
        "!requirements/*.txt",
        "!LICENSE",
        "!README.md",
        "!pyproject.toml",
    }
