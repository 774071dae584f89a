"""What every test of a charger may ask for."""

import pytest

from tests.charger.watched import Watched


@pytest.fixture
def charger() -> Watched:
    """A charger of which nothing is known yet, its stream not connected."""
    return Watched()


@pytest.fixture
def charging() -> Watched:
    """A charger in mid-session: connected, its document seen, switched on, one log accepted."""
    charging = Watched()
    charging.connect()
    charging.document()
    charging.wait(10)
    charging.switch("ON")
    charging.wait(10)
    charging.log()
    return charging
