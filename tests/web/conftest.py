"""What every test of the web side may ask for."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from exporter.web import api
from tests.conftest import or_skip
from tests.web.chromium import ARGUMENTS, chromium
from tests.web.site import Site


@pytest.fixture
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """A running site; a parameter gives other options of its web side."""
    async with Site(**getattr(request, "param", {})) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, one for all tests of the page."""
    binary = await asyncio.to_thread(or_skip, chromium)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        yield running
        await running.close()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page asks for is made at once."""
    monkeypatch.setattr(api, "SHARED_SECONDS", 0.0)
