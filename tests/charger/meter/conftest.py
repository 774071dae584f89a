"""What every test of the meter may ask for."""

import pytest

from exporter.charger.meter import Verdict
from tests.charger.meter.watched import Watched


@pytest.fixture
def charger() -> Watched:
    """A charger in the middle of Alice's session: 2 kWh of it seen, all of it counted."""
    charger = Watched()
    charger.document(0)
    assert charger.log(1) is Verdict.ACCEPTED
    assert charger.log(2) is Verdict.ACCEPTED
    assert charger.kwh == 2
    return charger
