"""What every test of the web side may ask for."""

from collections.abc import AsyncIterator

import pytest

from tests.web.site import Site


@pytest.fixture
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """A running site; a parameter gives other options of its web side."""
    async with Site(**getattr(request, "param", {})) as running:
        yield running
