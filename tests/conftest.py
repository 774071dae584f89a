"""What every test may ask for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import debian
from tests.cache import UnavailableError


@pytest.fixture(scope="session")
def promtool() -> Path:
    return _or_skip(debian.promtool)


@pytest.fixture(scope="session")
def prometheus_binary() -> Path:
    return _or_skip(debian.prometheus)


@pytest.fixture(scope="session")
def alertmanager_binary() -> Path:
    return _or_skip(debian.alertmanager)


@pytest.fixture(scope="session")
def amtool() -> Path:
    return _or_skip(debian.amtool)


def _or_skip(find: Callable[[], Path]) -> Path:
    """What `find` finds. A developer may lack it; with CI set its absence would hide what is not tested."""
    try:
        return find()
    except UnavailableError as why:
        if os.environ.get("CI"):
            pytest.fail(str(why))
        pytest.skip(str(why))
