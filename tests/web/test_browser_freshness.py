"""The landing page refreshes itself and marks old data, in a real browser."""

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from exporter.charger.events import ConnectFailed
from exporter.errors import ConnectFailure
from tests.web.page import COLOUR, POLL_MILLISECONDS, TWELVE, charging, next_poll, opened, opened_without, row, shown
from tests.web.site import Site

# All tests share a browser, so they share an event loop.
pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.usefixtures("fresh")]


async def test_the_page_refreshes_itself(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await expect(row(page, "charger1").locator(".status")).to_have_text("Unknown")
        charging(site, "charger1", 7400.0)
        await next_poll(page)
        await expect(row(page, "charger1").locator(".power")).to_have_text("7.40 kW")
        await expect(page.locator("#total-on")).to_have_text("1")


async def test_a_problem_is_shown_until_it_is_solved(browser: Browser) -> None:
    advice = "TLS failed (certificate has expired): check url, ca_file and the server's certificate"
    async with Site(TWELVE) as site:
        site.deliver("charger1", ConnectFailed(ConnectFailure.TLS, advice))
        async with opened(browser, site) as page:
            reachable = row(page, "charger1").locator(".up")
            await expect(reachable).to_contain_text("Down")
            await expect(reachable).to_contain_text(advice)
            charging(site, "charger1", 7400.0)
            await next_poll(page)
            await expect(reachable).to_have_text(re.compile(r"^Up\s*$"))


async def test_the_page_shows_that_the_exporter_is_unreachable_until_it_returns(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.route("**/api/v1/chargers", lambda route: route.abort())
        await page.clock.run_for(POLL_MILLISECONDS)
        await expect(page.get_by_role("alert")).to_contain_text("it cannot be reached")
        assert await page.title() == "No answer - vecharge-exporter"
        await expect(row(page, "charger1")).to_be_visible()
        await page.unroute("**/api/v1/chargers")
        await next_poll(page)
        await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_page_whose_script_does_not_load_says_to_reload_it(browser: Browser) -> None:
    script = "**/static/power.js"
    async with Site(TWELVE) as site, opened_without(browser, site, script) as page:
        message = page.get_by_text("If this message stays, reload the page.")
        await expect(message).to_be_visible()
        await page.unroute(script)
        await page.reload()
        await expect(row(page, "charger1")).to_be_visible()
        await expect(message).to_have_attribute("hidden", "")  # it is also invisible for the first 2 s


async def test_a_page_whose_first_poll_fails_says_only_that_the_exporter_does_not_answer(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened_without(browser, site, "**/api/v1/chargers") as page:
        await expect(page.get_by_role("alert")).to_have_text(
            "The exporter does not answer (it cannot be reached). Retrying."
        )
        loading = page.get_by_text("Loading the chargers")
        await expect(loading).to_have_attribute("hidden", "")  # it is also invisible for the first 2 s


async def test_data_of_an_unreachable_exporter_is_marked_as_old(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0, created=datetime.now(UTC).isoformat())
        async with opened(browser, site, timezone_id="UTC") as page:
            up, log, total = (
                row(page, "charger1").locator(".reach"),
                page.locator("#rows .log"),
                page.locator("#total-up"),
            )
            lively = [await up.evaluate(COLOUR), await total.evaluate(COLOUR)]
            since = await page.evaluate("new Date().toLocaleTimeString()")
            assert re.fullmatch(r"\d+ s ago", await log.inner_text())
            await page.route("**/api/v1/chargers", lambda route: route.abort())
            await page.clock.run_for(POLL_MILLISECONDS)
            said = await page.get_by_role("alert").inner_text()
            told = re.search(r"The page shows the data of (\d+:\d+:\d+)", said)
            assert told is not None
            assert told[1].rpartition(":")[0] == since.rpartition(":")[0]
            faint = await page.locator("thead th").first.evaluate(COLOUR)
            assert [await up.evaluate(COLOUR), await total.evaluate(COLOUR)] == [faint, faint] != lively
            await page.clock.fast_forward(49 * 3600 * 1000)
            assert await log.inner_text() == "2 d ago"
            assert await page.get_by_role("alert").inner_text() == said, "a screen reader announces it once"
            await page.unroute("**/api/v1/chargers")
            await next_poll(page)
            await expect(page.get_by_role("alert")).to_be_hidden()
            assert [await up.evaluate(COLOUR), await total.evaluate(COLOUR)] == lively


async def test_data_of_an_exporter_that_hangs_is_marked_as_old(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site) as page:
            lively = await page.locator("#rows .reach").evaluate(COLOUR)
            await page.route("**/api/v1/chargers", lambda _: None)
            await page.clock.run_for(4 * POLL_MILLISECONDS)
            assert await page.locator("#rows .reach").evaluate(COLOUR) != lively


async def test_the_page_shows_the_time_of_its_data(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site, opened(browser, site) as page:
        for _ in range(2):
            await next_poll(page)
            told = await page.evaluate("new Date().toLocaleTimeString()")
            await expect(page.locator("#updated")).to_have_text(f"at {told}")


async def test_a_removed_charger_disappears_from_the_table(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.route(
            "**/api/v1/chargers", lambda route: route.fulfill(json={"timestamp_seconds": 1, "chargers": []})
        )
        await next_poll(page)
        await expect(page.locator("#found")).to_have_text("0 of 0 chargers")
        assert await shown(page) == []


async def test_a_hidden_page_does_not_poll(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        polled: list[str] = []
        # Not all requests: the totals that the first poll asked for may come later.
        page.on("request", lambda request: polled.append(request.url) if request.url.endswith("/chargers") else None)
        await page.clock.run_for(10 * POLL_MILLISECONDS)
        assert polled == []
        await page.evaluate("Object.defineProperty(document, 'hidden', { value: false })")
        async with page.expect_response("**/api/v1/chargers"):
            await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
