"""The landing page in a real browser. test_browser_details has the details of a row."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from exporter.charger.events import Connected
from exporter.charger.wire import decode
from tests.web.page import COLOUR, TWELVE, charging, next_poll, opened, row, shown, switched_off
from tests.web.site import Site

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"
# All tests share a browser, so they share an event loop.
pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.usefixtures("fresh")]


async def totals(page: Page) -> str:
    return re.sub(r"\s+", " ", await page.locator(".totals").inner_text())


async def test_a_row_shows_the_state_of_a_charger(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site) as page:
            text = await row(page, "charger1").inner_text()
            for part in ("Place 1", "delhi", "Up", "On", "7.40 kW", "1.50 kWh", "ago"):
                assert part in text
            assert await shown(page) == [charger_id for charger_id, _ in TWELVE], "as people count: 2 before 10"


async def test_the_totals_are_at_the_top(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0, kwh=1.5)
        charging(site, "charger2", 11000.0, kwh=2.0)
        switched_off(site, "charger3")
        async with opened(browser, site) as page:
            assert await totals(page) == (
                "Chargers 12 Up 3 Down 9 On 2 Power 18.4 kW Running sessions 3.5 kWh Today - This month -"
            )


NOTHING_KNOWN = "Chargers 12 Up 0 Down 12 On 0 Power - Running sessions - Today - This month -"


async def test_an_unknown_total_is_not_zero(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        async with opened(browser, site) as page:
            assert await totals(page) == NOTHING_KNOWN
        site.deliver("charger1", Connected(), decode("chargerConnected", ({"_doc": {"status": "ON"}},)))
        async with opened(browser, site) as page:
            assert await totals(page) == NOTHING_KNOWN.replace("Up 0 Down 12 On 0", "Up 1 Down 11 On 1")
        switched_off(site, "charger2")
        async with opened(browser, site) as page:
            assert "Power 0.0 kW Running sessions 0.0 kWh" in await totals(page), "that of one that is off is known"


MARKUP = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


async def test_a_name_with_markup_is_shown_as_text(browser: Browser) -> None:
    document = {"_doc": {"status": "ON", **dict.fromkeys(("address", "detail", "operator", "chargerMode"), MARKUP)}}
    async with Site([(MARKUP, MARKUP)]) as site:
        site.deliver(MARKUP, Connected(), decode("chargerConnected", (document,)))
        async with opened(browser, site) as page:
            await expect(page.locator("#rows .charger .id")).to_have_text(MARKUP)
            await expect(page.locator("#rows .name")).to_have_text(MARKUP)
            assert await page.locator("#rows script, #rows img").count() == 0
            assert await page.evaluate("window.hacked") is None


async def test_an_injected_inline_script_does_not_run(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(site.url)
        await page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.hacked = true';"
            " document.body.append(s); }"
        )
        assert await page.evaluate("window.hacked") is None
        await context.close()


async def test_without_scripts_the_page_has_a_link_to_the_json(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site, java_script_enabled=False) as page:
        await expect(page.get_by_role("link", name="The same as JSON")).to_be_visible()
        await expect(page.get_by_text("Loading the chargers")).to_have_css("display", "none")


async def test_no_charger_up_is_not_shown_as_good(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site, opened(browser, site) as page:
        up = page.locator("#total-up")
        expected = await page.locator("#total-chargers").evaluate(COLOUR)
        assert await up.evaluate(COLOUR) == expected
        charging(site, "charger1", 7400.0)
        await next_poll(page)
        await expect(up).to_have_text("1")
        assert await up.evaluate(COLOUR) != expected


async def test_the_title_has_the_number_of_unreachable_chargers(browser: Browser) -> None:
    async with Site(TWELVE[:2]) as site:
        switched_off(site, "charger1")
        async with opened(browser, site) as page:
            assert await page.title() == "1 unreachable - vecharge-exporter"
            switched_off(site, "charger2")
            await next_poll(page)
            assert await page.title() == "Chargers - vecharge-exporter"


async def test_without_a_url_of_grafana_the_page_has_no_link_to_it(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site, opened(browser, site) as page:
        await page.locator("#rows .id").click()
        assert await page.locator("a[href*='/d/']").count() == 0


async def test_the_page_links_to_the_dashboards(browser: Browser) -> None:
    fleet, charger = (json.loads((DASHBOARDS / f"{name}.json").read_text())["uid"] for name in ("fleet", "charger"))
    site = Site([("a charger/1", None)], grafana_url="https://grafana.example/sub")
    async with site, opened(browser, site) as page:
        link = page.get_by_role("link", name="Grafana", exact=True)
        await expect(link).to_have_attribute("href", f"https://grafana.example/sub/d/{fleet}")
        await page.locator("#rows .id").click()
        link = page.get_by_role("link", name="Dashboard in Grafana")
        target = f"https://grafana.example/sub/d/{charger}?var-charger_id=a%20charger%2F1"
        await expect(link).to_have_attribute("href", target)
