"""Fixtures of the web tests."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from exporter.web import api
from tests.certificates import Authority
from tests.conftest import or_skip
from tests.processes import SECONDS
from tests.web.chromium import ARGUMENTS, chromium
from tests.web.site import Site


@pytest.fixture
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """A running site; a parameter changes its web options."""
    async with Site(**getattr(request, "param", {})) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, one for all tests of the page."""
    binary = await asyncio.to_thread(or_skip, chromium)
    # Only bounds a failure: a busy machine is slow.
    expect.set_options(timeout=SECONDS * 1000)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        yield running
        await running.close()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents are not shared between requests."""
    monkeypatch.setattr(api, "SHARED_SECONDS", 0.0)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with server.crt, server.key, client.crt, client.key and authority.pem."""
    authority = Authority(tmp_path)
    authority.issue("server")
    authority.issue("client", places=("client.example", "192.0.2.1", "::1"))
    return tmp_path
