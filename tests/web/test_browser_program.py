"""The landing page of the whole program, in a real browser."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.end_to_end.program import Exporter
from tests.processes import wait_until
from tests.simulated import SimulatedService
from tests.web.page import explained

# All tests share a browser, so they share an event loop.
pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    """The program with four chargers whose sessions take seconds."""
    with SimulatedService(tmp_path / "simulator", chargers=4, speed=600, seed=3) as service:
        exporter = Exporter(tmp_path / "exporter", {"accounts": [service.account()]})
        with exporter.process:
            exporter.wait_until_up(4)
            yield exporter


def ended(exporter: Exporter) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = exporter.get("/api/v1/sessions").json()["sessions"]
    return [session for session in sessions if session["ended"] is not None]


async def test_an_open_row_lists_the_sessions_of_the_charger(browser: Browser, exporter: Exporter) -> None:
    def scraped_and_ended() -> list[dict[str, Any]]:
        exporter.scrape()  # which commits
        return ended(exporter)

    await asyncio.to_thread(wait_until, scraped_and_ended, "a session that has ended")
    (session, *_) = ended(exporter)
    context = await browser.new_context(timezone_id="UTC")
    page = await context.new_page()
    with explained(page):
        await page.goto(exporter.url)
        await page.get_by_role("button", name=session["charger_id"], exact=True).click()
        listed = page.locator(".details:visible .list")
        energy = listed.get_by_text(f"{session['energy_kwh']:.2f} kWh", exact=False).first
        await expect(energy).to_be_visible()
        await expect(page.locator("#total-month")).not_to_have_text("-")
    await context.close()
