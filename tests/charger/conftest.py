"""Chargers for tests."""

import pytest

from tests.charger.watched import Watched


@pytest.fixture
def charger() -> Watched:
    """A new charger whose stream is not connected."""
    return Watched()


@pytest.fixture
def charging() -> Watched:
    """A charger during a session: connected, with a document, switched on, with one accepted log."""
    charging = Watched()
    charging.connect()
    charging.document()
    charging.wait(10)
    charging.switch("ON")
    charging.wait(10)
    charging.log()
    return charging
