"""The lines of power on the landing page, in a real browser."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.web.page import TWELVE, charging, next_poll, opened, row
from tests.web.site import Site

# One browser for all tests, so one event loop.
pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.usefixtures("fresh")]


async def points(page: Page) -> list[list[tuple[float, float]]]:
    """The lines of the first row that are joined, each by its points."""
    drawn = str(await page.locator("#rows .line").first.get_attribute("d"))
    lines = [line.split("L") for line in drawn.split("M")[1:]]
    # The last point stands there twice, so that one alone is a dot.
    assert all(line[-1] == line[-2] for line in lines)
    return [[(float(x), float(y)) for x, y in (point.split() for point in line[:-1])] for line in lines]


@asynccontextmanager
async def ahead(page: Page) -> AsyncIterator[dict[str, float]]:
    """Lets the clock of the exporter go ahead by as many `seconds` as the test says."""
    clock = {"seconds": 0.0}

    async def answer(route: Route) -> None:
        body = await (await route.fetch()).json()
        await route.fulfill(json={**body, "timestamp_seconds": body["timestamp_seconds"] + clock["seconds"]})

    await page.route("**/api/v1/chargers", answer)
    yield clock
    await page.unroute("**/api/v1/chargers")


async def test_the_last_minutes_of_power_are_there_when_the_page_opens_and_opens_again(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        await site.drew("charger1", *(1000.0 * number for number in range(1, 61)))
        async with opened(browser, site) as page:
            for _ in range(2):
                (line,) = await points(page)
                assert len(line) in (60, 61)
                assert (line[0][0], line[-1][0]) == pytest.approx((2.0, 120.0), abs=1.0), "5 minutes from left to right"
                heights = [y for _, y in line]
                assert heights == sorted(heights, reverse=True), "more power is higher up"
                await page.reload()
                await expect(page.locator("#fleet")).to_be_visible()


async def test_the_line_goes_on_with_every_poll_and_is_never_longer_than_five_minutes(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        await site.drew("charger1", *[1000.0] * 60)
        async with opened(browser, site) as page, ahead(page) as clock:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            charging(site, "charger1", 500.0)
            for _ in range(10):
                clock["seconds"] += 5
                await next_poll(page)
            await expect(page.get_by_role("img", name="0.5 to 1.0 kW in 5 minutes")).to_be_visible()
            (line,) = await points(page)
            assert len(line) in (60, 61, 62)
            assert [y for _, y in line[-9:]] == [12.0] * 9
            assert line[-12][1] == 1.0
            for _ in range(55):
                clock["seconds"] += 5
                await next_poll(page)
            await expect(page.get_by_role("img", name="0.5 kW in 5 minutes")).to_be_visible()
            assert len((await points(page))[0]) in (60, 61)
            assert {url.rpartition("/")[2] for url in asked} == {"chargers"}, (
                "what it has seen itself it asks for no more"
            )


async def test_what_is_not_known_is_a_gap_and_one_sample_alone_a_dot(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        await site.drew("charger1", None, 1000.0, 1000.0, None, 2000.0, None, None)
        async with opened(browser, site) as page:
            assert [len(line) for line in await points(page)] == [2, 1]


async def test_time_in_which_nobody_looked_is_a_gap_where_it_was(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        await site.drew("charger1", 1000.0, 1000.0, 2000.0, every=100.0)
        async with opened(browser, site) as page:
            lines = await points(page)
            assert [line[0][0] for line in lines] == pytest.approx([40.0, 80.0, 120.0], abs=1.0)


async def test_after_a_time_in_which_it_did_not_ask_the_page_asks_the_exporter_what_was(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        await site.drew("charger1", 9000.0)
        async with opened(browser, site) as page, ahead(page) as clock:
            await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
            clock["seconds"] = 3600.0
            await page.route(
                "**/api/v1/power",
                lambda route: route.fulfill(
                    json={
                        "times_seconds": [time.time() + 3600 - seconds for seconds in (20, 15, 10, 5)],
                        "power_watts": {"charger1": [1000, 1000, 3000, 4000]},
                    }
                ),
            )
            charging(site, "charger1", 4000.0)
            await page.evaluate("Object.defineProperty(document, 'hidden', { value: false })")
            await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            await expect(page.get_by_role("img", name="1.0 to 4.0 kW in 1 minute")).to_be_visible()
            (line,) = await points(page)
            assert [y for _, y in line] == pytest.approx([17.5, 17.5, 6.5, 1.0, 1.0])


@pytest.mark.parametrize("hours", [-1, 1])
async def test_setting_the_clock_of_the_exporter_spoils_no_line(browser: Browser, hours: int) -> None:
    async with Site(TWELVE[:1]) as site:
        await site.drew("charger1", *[1000.0] * 3)
        async with opened(browser, site) as page, ahead(page) as clock:
            clock["seconds"] = hours * 3600.0
            await page.route(
                "**/api/v1/power",
                lambda route: route.fulfill(
                    json={
                        "times_seconds": [time.time() + hours * 3600 - seconds for seconds in (10, 5)],
                        "power_watts": {"charger1": [1000, 1000]},
                    }
                ),
            )
            await next_poll(page)
            # Two samples of the exporter, the one just made, and its end.
            three = re.compile(r"^M11[\d.]+ 1\.0(L[\d.]+ 1\.0){2}L120\.0 1\.0$")
            await expect(page.locator("#rows .line")).to_have_attribute("d", three)


async def test_the_line_is_said_in_words_and_no_cell_is_blank(browser: Browser) -> None:
    async with Site(TWELVE[:2]) as site:
        await site.drew("charger1", *[5100.0, 6000.0, 7200.0] * 20)
        async with opened(browser, site) as page:
            for width in (390, 1280):
                await page.set_viewport_size({"width": width, "height": 800})
                chart = row(page, "charger1").get_by_role("img", name="5.1 to 7.2 kW in 5 minutes")
                await expect(chart).to_be_visible()
                silent = row(page, "charger2").locator("td.chart")
                await expect(silent.get_by_text("-", exact=True)).to_be_visible()
                await expect(silent.get_by_role("img")).to_have_count(0)
            await page.set_viewport_size({"width": 390, "height": 800})
            labels = await page.locator("#rows tr:first-child td").evaluate_all(
                "cells => cells.map((cell) => getComputedStyle(cell, '::before'))"
                ".map((style) => (style.display === 'none' ? 'none' : style.content))"
            )
            columns = ("Reachable", "Status", "Power", "Last 5 minutes", "Session energy", "Last log", "Stream")
            assert [re.findall(r"[A-Z][\w ]+", label)[0] for label in labels] == list(columns)
