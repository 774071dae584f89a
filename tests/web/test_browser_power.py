"""The power charts of the landing page, in a real browser."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, Route, expect

from exporter.charger.wire import decode
from tests.web.page import TWELVE, charging, next_poll, opened, row
from tests.web.site import Site

# All tests share a browser, so they share an event loop.
pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.usefixtures("fresh")]


async def points(page: Page) -> list[list[tuple[float, float]]]:
    """The connected lines of the first row, each as its points."""
    drawn = str(await page.locator("#rows .line").first.get_attribute("d"))
    lines = [line.split("L") for line in drawn.split("M")[1:]]
    # The last point is repeated, so that a single point is a dot.
    assert all(line[-1] == line[-2] for line in lines)
    return [[(float(x), float(y)) for x, y in (point.split() for point in line[:-1])] for line in lines]


@asynccontextmanager
async def ahead(page: Page) -> AsyncIterator[dict[str, float]]:
    """The clock of the exporter is stopped; the test sets it ahead by `seconds`."""
    clock = {"seconds": 0.0}
    present = time.time()

    async def answer(route: Route) -> None:
        body = await (await route.fetch()).json()
        await route.fulfill(json={**body, "timestamp_seconds": present + clock["seconds"]})

    await page.route("**/api/v1/chargers", answer)
    yield clock
    await page.unroute("**/api/v1/chargers")


async def polled(page: Page, site: Site, clock: dict[str, float], *watts: float, every: float = 5.0) -> None:
    """Let the page poll these powers of charger1, one per poll."""
    for value in watts:
        # Without a time, so that none is a duplicate.
        site.deliver("charger1", decode("newLog", ({"power": value, "voltage": 230.0},)))
        clock["seconds"] += every
        await next_poll(page)


async def test_the_line_grows_with_every_poll_and_is_never_longer_than_five_minutes(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 1000.0)
        async with opened(browser, site) as page, ahead(page) as clock:
            await polled(page, site, clock, *[1000.0] * 9, *[500.0] * 3)
            await expect(page.get_by_role("img", name="0.5 to 1.0 kW in 1 minute")).to_be_visible()
            (line,) = await points(page)
            assert [y for _, y in line] == [1.0] * 10 + [12.0] * 3, "more power is higher up"
            assert line[-1][0] == pytest.approx(120.0, abs=1.0), "the newest is on the right"
            await polled(page, site, clock, *[500.0] * 62)
            await expect(page.get_by_role("img", name="0.5 kW in 5 minutes")).to_be_visible()
            (line,) = await points(page)
            assert len(line) == 61
            assert line[0][0] == pytest.approx(0.0, abs=2.0), "five minutes from left to right"


async def test_unknown_power_is_a_gap_and_a_single_sample_a_dot(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site, opened(browser, site) as page:
        await next_poll(page)
        charging(site, "charger1", 1000.0)
        await next_poll(page)
        assert [len(line) for line in await points(page)] == [1]


async def test_a_time_without_polls_is_a_gap(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 1000.0)
        async with opened(browser, site) as page, ahead(page) as clock:
            await polled(page, site, clock, 1000.0, 2000.0, every=100.0)
            lines = await points(page)
            assert [line[0][0] for line in lines] == pytest.approx([40.0, 80.0, 120.0], abs=1.0)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_line_restarts_when_the_clock_of_the_exporter_is_set(browser: Browser, hours: int) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 1000.0)
        async with opened(browser, site) as page, ahead(page) as clock:
            await polled(page, site, clock, 1000.0)
            await polled(page, site, clock, 1000.0, every=hours * 3600.0)
            assert [len(line) for line in await points(page)] == [1]
            await polled(page, site, clock, 1000.0)
            assert [len(line) for line in await points(page)] == [2]


async def test_the_line_is_described_in_words_and_no_cell_is_blank(browser: Browser) -> None:
    async with Site(TWELVE[:2]) as site:
        charging(site, "charger1", 5100.0)
        async with opened(browser, site) as page, ahead(page) as clock:
            await polled(page, site, clock, 6000.0, 7200.0)
            for width in (390, 1280):
                await page.set_viewport_size({"width": width, "height": 800})
                chart = row(page, "charger1").get_by_role("img", name="5.1 to 7.2 kW in 1 minute")
                await expect(chart).to_be_visible()
                silent = row(page, "charger2").locator("td.chart")
                await expect(silent.get_by_text("-", exact=True)).to_be_visible()
                await expect(silent.get_by_role("img")).to_have_count(0)
            await page.set_viewport_size({"width": 390, "height": 800})
            labels = await page.locator("#rows .charger:first-child td").evaluate_all(
                "cells => cells.map((cell) => getComputedStyle(cell, '::before'))"
                ".map((style) => (style.display === 'none' ? 'none' : style.content))"
            )
            columns = ("Account", "Reachable", "Status", "Power", "Last 5 minutes", "Session energy", "Last log")
            assert [re.findall(r"[A-Z][\w ]+", label)[0] for label in labels] == list(columns)
