"""The landing page in a real browser: what it shows, and how it is used. What opens in a row: test_browser_details."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from exporter.charger.events import Connected, ConnectFailed
from exporter.charger.wire import decode
from exporter.errors import ConnectFailure
from tests.web.page import TWELVE, charging, next_poll, opened, row, shown, switched_off
from tests.web.site import Site

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"
# One browser for all tests, so one event loop.
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


async def test_the_totals_are_on_top(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0, kwh=1.5)
        charging(site, "charger2", 11000.0, kwh=2.0)
        switched_off(site, "charger3")
        async with opened(browser, site) as page:
            assert await totals(page) == (
                "Chargers 12 Up 3 Down 9 On 2 Power 18.4 kW Running sessions 3.5 kWh Today - This month -"
            )


NOTHING_KNOWN = "Chargers 12 Up 0 Down 12 On 0 Power - Running sessions - Today - This month -"


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
async def test_an_unknown_total_is_not_zero(browser: Browser, script: bool) -> None:
    async with Site(TWELVE) as site:
        async with opened(browser, site, java_script_enabled=script) as page:
            assert await totals(page) == NOTHING_KNOWN
        site.tell("charger1", Connected(), decode("chargerConnected", ({"_doc": {"status": "ON"}},)))
        async with opened(browser, site, java_script_enabled=script) as page:
            assert await totals(page) == NOTHING_KNOWN.replace("Up 0 Down 12 On 0", "Up 1 Down 11 On 1")
        switched_off(site, "charger2")
        async with opened(browser, site, java_script_enabled=script) as page:
            assert "Power 0.0 kW Running sessions 0.0 kWh" in await totals(page), "that of one that is off is known"


MARKUP = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


async def test_a_name_that_looks_like_markup_stays_text(browser: Browser) -> None:
    document = {"_doc": {"status": "ON", **dict.fromkeys(("address", "detail", "operator", "chargerMode"), MARKUP)}}
    async with Site([(MARKUP, MARKUP)]) as site:
        site.tell(MARKUP, Connected(), decode("chargerConnected", (document,)))
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
        site.tell("charger4", ConnectFailed(ConnectFailure.TLS, "TLS failed (certificate has expired): check url"))
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
        charging(site, "charger1", 7000.0, minute=1, kwh=1.0)
        site.tell("charger2", ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"))
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
            # The clock of the page stands still, that of the browser does not.
            assert spent < 1000
            assert await shown(page) == ["charger4711"]


async def test_pages_are_turned_with_the_keyboard_and_announced(browser: Browser) -> None:
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


async def test_nothing_is_cut_off_at_any_width(browser: Browser) -> None:
    async with Site(
        [("veChargePoint-with-a-very-long-id-" + "0" * 40, "A name that is long too, and goes on")]
    ) as site:
        (charger,) = site.fleet.chargers
        site.tell(charger.charger_id, ConnectFailed(ConnectFailure.TIMEOUT, "no answer within 10 s: " + "look " * 30))
        async with opened(browser, site) as page:
            await page.locator("#rows .id").click()
            for width in (320, 390, 699, 700, 768, 991, 1000, 1280):
                await page.set_viewport_size({"width": width, "height": 800})
                assert await page.evaluate("document.scrollingElement.scrollWidth") <= width


# What is written in less than the contrast that WCAG asks for at level AA, as seen against what is behind it.
FAINT = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => linear(value / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const rgb = channels(getComputedStyle(element).backgroundColor);
      if (rgb.length < 4 || rgb[3] === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.body.querySelectorAll("*")) {
    const speaks = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!speaks || !element.checkVisibility()) continue;
    const ink = luminance(channels(getComputedStyle(element).color));
    const paper = luminance(behind(element));
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) faint.push(`${element.textContent.trim()}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""


async def test_all_text_has_enough_contrast_in_light_and_dark(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0)
        switched_off(site, "charger2")
        site.tell("charger3", ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"))
        async with opened(browser, site) as page:
            grounds = {}
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
                grounds[scheme] = sum(map(int, re.findall(r"\d+", ground)))
                assert await page.evaluate(FAINT) == [], scheme
                await page.evaluate("document.body.classList.add('stale')")
                assert await page.evaluate(FAINT) == [], f"{scheme}, and stale"
                await page.evaluate("document.body.classList.remove('stale')")
            assert grounds["dark"] < 200 < 600 < grounds["light"]


async def test_a_screen_reader_finds_a_named_table_on_a_phone_too(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site) as page:
            await page.keyboard.press("Tab")
            await expect(page.get_by_role("link", name="Skip to the chargers")).to_be_focused()
            await expect(page.get_by_role("heading", name="vecharge-exporter")).to_be_visible()
            await expect(page.get_by_role("searchbox", name="Search")).to_be_visible()
            for width in (390, 1280):
                await page.set_viewport_size({"width": width, "height": 800})
                table = page.get_by_role("table", name="Chargers")
                await expect(table.get_by_role("rowheader", name="charger1 Place 1")).to_be_visible()
                for words in ("Up", "On", "7.40 kW", "1.50 kWh"):
                    await expect(table.get_by_role("cell").filter(has_text=words).first).to_be_visible()


async def test_without_scripts_there_are_the_totals_and_a_link_to_the_json(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site, java_script_enabled=False) as page:
            await expect(page.locator("#total-up")).to_have_text("1")
            await expect(page.locator("#total-power")).to_have_text("7.4 kW")
            await expect(page.get_by_role("link", name="The same as JSON")).to_be_visible()


async def test_a_tile_filters_the_table_and_filters_no_more_when_pressed_again(browser: Browser) -> None:
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


async def test_reachable_puts_the_unreachable_first_by_problem(browser: Browser) -> None:
    async with Site(TWELVE[:4]) as site:
        switched_off(site, "charger1")
        for number, reason in ((2, "b"), (3, "a"), (4, "b")):
            site.tell(f"charger{number}", ConnectFailed(ConnectFailure.TLS, reason))
        async with opened(browser, site) as page:
            await page.get_by_role("button", name="Reachable").click()
            assert await shown(page) == ["charger3", "charger2", "charger4", "charger1"]


async def test_filter_sort_and_search_live_in_the_url(browser: Browser) -> None:
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


async def test_the_title_has_the_number_of_unreachable_chargers(browser: Browser) -> None:
    async with Site(TWELVE[:2]) as site:
        switched_off(site, "charger1")
        async with opened(browser, site, java_script_enabled=False) as page:
            assert await page.title() == "1 unreachable - vecharge-exporter"
        async with opened(browser, site) as page:
            assert await page.title() == "1 unreachable - vecharge-exporter"
            switched_off(site, "charger2")
            await next_poll(page)
            assert await page.title() == "Chargers - vecharge-exporter"


async def test_there_is_a_table_down_to_700_pixels_and_cards_below(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site) as page:
            for width, display in ((1280, "table-row"), (700, "table-row"), (699, "grid")):
                await page.set_viewport_size({"width": width, "height": 800})
                style = await page.locator("#rows .charger").evaluate("row => getComputedStyle(row).display")
                assert style == display, width
                for part in (".account", ".reach", ".status", ".power", ".energy", ".log"):
                    await expect(row(page, "charger1").locator(part)).to_be_visible()


async def test_without_a_url_of_grafana_there_is_no_link_to_it(browser: Browser) -> None:
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
