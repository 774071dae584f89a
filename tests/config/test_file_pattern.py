"""Patterns of files mean what they mean to the standard library's `glob`."""

import glob
import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.file_pattern import matches

NAMES = ("a", "b.yml", ".hidden", "[x]", "*")
PARTS = ("a", "b.yml", ".hidden", "*", "**", "?", "*.yml", "[ab]*", ".*", "[!a]", "..", glob.escape("[x]"), "[*]", "[")


@pytest.fixture(scope="module", autouse=True)
def _in_a_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Three floors of folders with files in each, links that lead nowhere, and one that leads around for ever."""
    tree = tmp_path_factory.mktemp("tree") / "below"
    for first in NAMES:
        for second in NAMES[:4]:
            (tree / first / second).mkdir(parents=True)
            for file in NAMES:
                (tree / first / second / f"{file}.yml").touch()
        (tree / first / "c.yml").touch()
    (tree / "nowhere.yml").symlink_to("nothing")
    (tree / "itself").symlink_to("itself")
    (tree / "linked").symlink_to("a")
    with chdir(tree):
        yield


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4), st.booleans())
def test_a_pattern_matches_what_glob_says(parts: list[str], absolute: bool) -> None:
    pattern = "/".join(([glob.escape(str(Path.cwd()))] if absolute else []) + parts)
    # Of a folder that is not there, glob matches `folder/**`.
    there = {Path(name) for name in glob.glob(pattern, recursive=True) if os.path.lexists(name)}  # noqa: PTH207 - the oracle: what we must agree with
    assert matches(pattern) == sorted(path for path in there if not path.is_dir())
