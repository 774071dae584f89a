"""Search, filters, sorting and paging of the landing page, in a real browser."""

import pytest
from playwright.async_api import Browser, expect

from exporter.charger.events import ConnectFailed
from exporter.errors import ConnectFailure
from tests.web.page import TWELVE, charging, opened, shown, switched_off
from tests.web.site import Site

# All tests share a browser, so they share an event loop.
pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.usefixtures("fresh")]


ODD_NAMES = [("on", "Upton"), ("off-1", "Old Town"), ("charger3", None), ("charger4", "Updown")]
SEARCHES = {
    "CHARGER3": ["charger3"],
    "old town": ["off-1"],
    "town old": ["off-1"],
    "up": ["charger4", "on"],
    "on": ["charger3", "on"],  # the problem of charger3: not connected yet
    "delhi": ["charger3", "charger4", "off-1", "on"],
    "Certificate": ["charger4"],
    "nowhere": [],
    "constructor": [],
}
STATES = {
    "all": ["charger3", "charger4", "off-1", "on"],
    "up": ["off-1", "on"],
    "down": ["charger3", "charger4"],
    "on": ["on"],
    "off": ["off-1"],
    "status unknown": ["charger3", "charger4"],
}


async def test_the_search_finds_any_word_of_id_name_account_and_problem(browser: Browser) -> None:
    async with Site(ODD_NAMES) as site:
        charging(site, "on", 7400.0)
        switched_off(site, "off-1")
        site.deliver("charger4", ConnectFailed(ConnectFailure.TLS, "TLS failed (certificate has expired): check url"))
        async with opened(browser, site) as page:
            search = page.get_by_label("Search")
            await expect(search).to_have_attribute("placeholder", "id, name, account or problem")
            for words, found in SEARCHES.items():
                await search.fill(words)
                assert await shown(page) == found, words
                await expect(page.locator("#found")).to_have_text(f"{len(found)} of 4 chargers")


async def test_chargers_of_a_state_are_shown_and_searched(browser: Browser) -> None:
    async with Site(ODD_NAMES) as site:
        charging(site, "on", 7400.0)
        switched_off(site, "off-1")
        async with opened(browser, site) as page:
            for state, found in STATES.items():
                await page.get_by_label("Show").select_option(state)
                assert await shown(page) == found, state
            await page.get_by_label("Show").select_option("down")
            await page.get_by_label("Search").fill("updown")
            assert await shown(page) == ["charger4"]


async def test_the_table_is_sorted_with_the_keyboard_and_announces_it(browser: Browser) -> None:
    async with Site(TWELVE[:4]) as site:
        charging(site, "charger1", 3000.0)
        charging(site, "charger2", 22000.0)
        charging(site, "charger3", 7000.0)
        async with opened(browser, site) as page:
            power = page.get_by_role("columnheader", name="Power")
            await page.get_by_label("Search").focus()
            while await page.evaluate("document.activeElement.textContent") != "Power":
                await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await expect(power).to_have_attribute("aria-sort", "descending")
            assert await shown(page) == ["charger2", "charger3", "charger1", "charger4"]
            await page.keyboard.press("Space")
            await expect(power).to_have_attribute("aria-sort", "ascending")
            assert await shown(page) == ["charger1", "charger3", "charger2", "charger4"], "what is not known comes last"
            assert await page.locator("[aria-sort]").count() == 1


COLUMNS = ("Charger", "Account", "Reachable", "Status", "Power", "Session energy", "Last log")


async def test_every_column_sorts_both_ways(browser: Browser) -> None:
    async with Site(TWELVE[:3]) as site:
        switched_off(site, "charger3")
        charging(site, "charger1", 7000.0, kwh=1.0, created="2022-01-10T13:01:59.124Z")
        site.deliver("charger2", ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"))
        async with opened(browser, site) as page:
            for column in COLUMNS:
                orders = {}
                for _ in range(2):
                    await page.locator("thead").get_by_role("button", name=column).click()
                    head = page.get_by_role("columnheader", name=column)
                    orders[await head.get_attribute("aria-sort")] = await shown(page)
                assert orders.keys() == {"ascending", "descending"}, column
                # All have the same account; of three only one has a log, and unknown values come last.
                if column not in ("Account", "Last log"):
                    assert orders["ascending"] != orders["descending"], column


async def test_a_tile_toggles_a_filter_of_the_table(browser: Browser) -> None:
    async with Site(ODD_NAMES) as site:
        charging(site, "on", 7400.0)
        switched_off(site, "off-1")
        async with opened(browser, site) as page:
            for name, state in (("Up 2", "up"), ("Down 2", "down"), ("On 1", "on")):
                tile = page.get_by_role("button", name=name)
                await tile.focus()
                await page.keyboard.press("Enter")
                assert await shown(page) == STATES[state]
                await expect(tile).to_have_attribute("aria-pressed", "true")
                await expect(page.get_by_label("Show")).to_have_value(state)
            await page.keyboard.press("Enter")
            assert await shown(page) == STATES["all"]
            await page.get_by_role("button", name="Down 2").click()
            await page.get_by_role("button", name="Chargers 4").click()
            assert await shown(page) == STATES["all"]


async def test_sorting_by_reachability_puts_unreachable_chargers_first_by_problem(browser: Browser) -> None:
    async with Site(TWELVE[:4]) as site:
        switched_off(site, "charger1")
        for number, reason in ((2, "b"), (3, "a"), (4, "b")):
            site.deliver(f"charger{number}", ConnectFailed(ConnectFailure.TLS, reason))
        async with opened(browser, site) as page:
            await page.get_by_role("button", name="Reachable").click()
            assert await shown(page) == ["charger3", "charger2", "charger4", "charger1"]


async def test_filter_sort_and_search_are_kept_in_the_url(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0)
        charging(site, "charger12", 3000.0)
        switched_off(site, "charger11")
        async with opened(browser, site) as page:
            await expect(page).to_have_url(f"{site.url}/")
            await page.get_by_role("button", name="Up 3").click()
            await page.locator("thead").get_by_role("button", name="Power").click()
            await page.get_by_label("Search").fill("charger1 place")
            await expect(page).to_have_url(f"{site.url}/?search=charger1+place&show=up&sort=power&order=descending")
            for _ in range(2):
                assert await shown(page) == ["charger1", "charger12", "charger11"]
                await page.reload()
                await expect(page.locator("#fleet")).to_be_visible()
            await expect(page.get_by_label("Search")).to_have_value("charger1 place")
            await expect(page.get_by_role("columnheader", name="Power")).to_have_attribute("aria-sort", "descending")
            await page.goto(f"{site.url}/?show=constructor&sort=constructor&order=x")
            await expect(page.locator("#fleet")).to_be_visible()
            assert await shown(page) == [charger_id for charger_id, _ in TWELVE], "unknown values are ignored"


async def test_five_thousand_chargers_are_searched_without_delay(browser: Browser) -> None:
    async with Site([(f"charger{number}", None) for number in range(1, 5001)]) as site:
        charging(site, "charger4711", 7400.0)
        async with opened(browser, site) as page:
            await expect(page.locator("#found")).to_have_text("5,000 of 5,000 chargers")
            assert await page.locator("#rows .charger").count() == 100, "only what is shown is drawn"
            await page.get_by_role("button", name="Next").click()
            assert (await shown(page))[0] == "charger101"
            await page.locator("thead").get_by_role("button", name="Power").click()
            assert (await shown(page))[0] == "charger4711"
            spent = await page.evaluate(
                """() => {
                  const started = performance.now();
                  const search = document.getElementById("search");
                  for (const text of ["4", "47", "471", "4711"]) {
                    search.value = text;
                    search.dispatchEvent(new Event("input"));
                    document.body.offsetHeight;
                  }
                  return performance.now() - started;
                }"""
            )
            # The clock of the page is stopped, that of the browser is not.
            assert spent < 1000
            assert await shown(page) == ["charger4711"]


async def test_the_keyboard_changes_pages_and_the_change_is_announced(browser: Browser) -> None:
    async with Site([(f"charger{number}", None) for number in range(1, 251)]) as site, opened(browser, site) as page:
        following, preceding = page.get_by_role("button", name="Next"), page.get_by_role("button", name="Previous")
        place = page.get_by_role("status").filter(has_text="Page")
        await expect(place).to_have_text("Page 1 of 3")
        await following.focus()
        for number in (2, 3, 3, 3):
            await page.keyboard.press("Enter")
            await expect(place).to_have_text(f"Page {number} of 3")
            await expect(following).to_be_focused()
        await expect(following).to_have_attribute("aria-disabled", "true")
        assert (await shown(page))[0] == "charger201"
        await page.keyboard.press("Shift+Tab")
        await expect(preceding).to_be_focused()
        for number in (2, 1, 1):
            await page.keyboard.press("Space")
            await expect(place).to_have_text(f"Page {number} of 3")
            await expect(preceding).to_be_focused()
        await expect(preceding).to_have_attribute("aria-disabled", "true")
