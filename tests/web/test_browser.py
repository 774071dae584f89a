"""The landing page in a real browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from exporter.errors import ConnectFailure
from exporter.events import Connected, ConnectFailed, Received
from exporter.web import api
from tests.conftest import or_skip
from tests.web.chromium import ARGUMENTS, chromium
from tests.web.site import Site

# One browser for all tests, so one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")

POLL_MILLISECONDS = 5000
MINUTES_KEPT = 5
TWELVE = [(f"charger{number}", f"Place {number}") for number in range(1, 13)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    binary = await asyncio.to_thread(or_skip, chromium)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        yield running
        await running.close()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page asks for is made at once."""
    monkeypatch.setattr(api, "SHARED_SECONDS", 0.0)


@asynccontextmanager
async def opened(browser: Browser, site: Site, **options: Any) -> AsyncIterator[Page]:
    """The page of a site, on a clock that only the test moves. No error, and no word to anyone else, goes unseen."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    errors: list[str] = []
    asked: set[str] = set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    page.on("request", lambda request: asked.add(request.url))
    await page.clock.install()
    await page.goto(site.url)
    if options.get("java_script_enabled", True):
        await expect(page.locator("#fleet")).to_be_visible()
    yield page
    await context.close()
    assert errors == []
    assert {url for url in asked if not url.startswith(f"{site.url}/")} == set()


async def next_poll(page: Page) -> None:
    """Lets the page ask once more."""
    async with page.expect_response("**/api/v1/chargers"):
        await page.clock.run_for(POLL_MILLISECONDS)


def charging(site: Site, charger_id: str, watts: float, minute: int = 0, kwh: float = 1.5) -> None:
    """Lets a charger be on, and draw so much."""
    log = {"voltage": "230.00", "current": "7.00", "power": f"{watts:.2f}", "energy": f"{kwh:.2f}"}
    document = Received("chargerConnected", ({"_doc": {"status": "ON"}},))
    reading = Received("newLog", ({**log, "createdAt": f"2022-01-10T13:{minute:02}:59.124Z"},))
    if not site.tell(charger_id).connected:
        site.tell(charger_id, Connected(), document)
    site.tell(charger_id, reading)


def switched_off(site: Site, charger_id: str) -> None:
    site.tell(charger_id, Connected(), Received("chargerConnected", ({"_doc": {"status": "OFF", "energy": 0.25}},)))


def row(page: Page, charger_id: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_text(charger_id, exact=True))


async def shown(page: Page) -> list[str]:
    """The ids of the rows that can be seen, from above."""
    return await page.locator("#rows tr:visible .id").all_inner_texts()


async def totals(page: Page) -> str:
    return re.sub(r"\s+", " ", await page.locator(".totals").inner_text())


async def test_a_charger_is_shown_with_all_that_matters_of_it(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site) as page:
            text = await row(page, "charger1").inner_text()
            for part in ("Place 1", "Up", "On", "7.40 kW", "1.50 kWh", "ago", "Connected"):
                assert part in text
            assert await shown(page) == [charger_id for charger_id, _ in TWELVE], "as people count: 2 before 10"


async def test_the_totals_stand_on_top(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0, kwh=1.5)
        charging(site, "charger2", 11000.0, kwh=2.0)
        switched_off(site, "charger3")
        async with opened(browser, site) as page:
            assert await totals(page) == "Chargers 12 Up 3 Down 9 On 2 Power 18.4 kW Session energy 3.5 kWh"


NOTHING_KNOWN = "Chargers 12 Up 0 Down 12 On 0 Power - Session energy -"


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
async def test_a_total_of_which_nothing_is_known_is_no_zero(browser: Browser, script: bool) -> None:
    async with Site(TWELVE) as site:
        async with opened(browser, site, java_script_enabled=script) as page:
            assert await totals(page) == NOTHING_KNOWN
        site.tell("charger1", Connected(), Received("chargerConnected", ({"_doc": {"status": "ON"}},)))
        async with opened(browser, site, java_script_enabled=script) as page:
            assert await totals(page) == NOTHING_KNOWN.replace("Up 0 Down 12 On 0", "Up 1 Down 11 On 1")
        switched_off(site, "charger2")
        async with opened(browser, site, java_script_enabled=script) as page:
            assert "Power 0.0 kW Session energy 0.0 kWh" in await totals(page), "that of one that is off is known"


async def test_the_page_keeps_itself_fresh(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await expect(row(page, "charger1").locator(".status")).to_have_text("Unknown")
        charging(site, "charger1", 7400.0)
        await next_poll(page)
        await expect(row(page, "charger1").locator(".power")).to_have_text("7.40 kW")
        await expect(page.locator("#total-on")).to_have_text("1")


async def test_what_is_wrong_with_a_stream_is_said_until_it_is_well(browser: Browser) -> None:
    advice = "TLS failed (certificate has expired): check url, ca_file and the server's certificate"
    async with Site(TWELVE) as site:
        site.tell("charger1", ConnectFailed(ConnectFailure.TLS, advice))
        async with opened(browser, site) as page:
            stream = row(page, "charger1").locator(".stream")
            await expect(stream).to_contain_text("Not connected")
            await expect(stream).to_contain_text(advice)
            charging(site, "charger1", 7400.0)
            await next_poll(page)
            await expect(stream).to_have_text(re.compile(r"^Connected\s*$"))


MARKUP = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


async def test_a_charger_that_is_called_like_markup_stays_text(browser: Browser) -> None:
    document = {"_doc": {"status": "ON", **dict.fromkeys(("address", "detail", "operator", "chargerMode"), MARKUP)}}
    async with Site([(MARKUP, MARKUP)]) as site:
        site.tell(MARKUP, Connected(), Received("chargerConnected", (document,)))
        async with opened(browser, site) as page:
            await expect(page.locator("#rows .id")).to_have_text(MARKUP)
            await expect(page.locator("#rows .name")).to_have_text(MARKUP)
            assert await page.locator("#rows script, #rows img").count() == 0
            assert await page.evaluate("window.hacked") is None


async def test_no_inline_script_runs_even_if_it_came_in(browser: Browser) -> None:
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


SEARCHES = {
    "charger3": ["charger3"],
    "PLACE 4": ["charger4"],
    "12 place": ["charger12"],
    "on": ["charger1"],
    "off": ["charger2"],
    "up": ["charger1", "charger2"],
    "up charger2": ["charger2"],
    "nowhere": [],
    "constructor": [],
}


async def test_chargers_are_found_by_id_name_and_state(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0)
        switched_off(site, "charger2")
        async with opened(browser, site) as page:
            for words, found in SEARCHES.items():
                await page.get_by_label("Search").fill(words)
                assert await shown(page) == found, words
                await expect(page.get_by_role("status")).to_have_text(f"{len(found)} of 12 chargers")


async def test_the_table_is_sorted_by_keyboard_and_says_so(browser: Browser) -> None:
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


COLUMNS = ("Charger", "Reachable", "Status", "Power", "Session energy", "Last log", "Stream")


async def test_every_column_sorts_both_ways(browser: Browser) -> None:
    async with Site(TWELVE[:3]) as site:
        switched_off(site, "charger3")
        charging(site, "charger1", 7000.0, minute=1, kwh=1.0)
        site.tell("charger2", ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"))
        async with opened(browser, site) as page:
            for column in COLUMNS:
                orders = {}
                for _ in range(2):
                    await page.get_by_role("button", name=column).click()
                    head = page.get_by_role("columnheader", name=column)
                    orders[await head.get_attribute("aria-sort")] = await shown(page)
                assert orders.keys() == {"ascending", "descending"}, column
                if column != "Last log":  # of three only one has one, and what is not known comes last
                    assert orders["ascending"] != orders["descending"], column


async def test_the_last_minutes_of_power_are_drawn_and_no_more_is_kept(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 1000.0)
        async with opened(browser, site) as page:
            line = page.locator("#rows .line")
            polls = MINUTES_KEPT * 60_000 // POLL_MILLISECONDS
            for minute in range(1, 4):
                charging(site, "charger1", 1000.0 * minute, minute)
                await next_poll(page)
            await expect(line).to_have_attribute("d", re.compile(r"^M[\d. ]+(L[\d. ]+){3}$"))
            heights = [float(point.split()[1]) for point in re.split("[ML]", str(await line.get_attribute("d")))[1:]]
            assert heights[0] == heights[1] > heights[2] > heights[3], "more power is higher up"
            for _ in range(polls + 3):
                await next_poll(page)
            await expect(line).to_have_attribute("d", re.compile(rf"^M[\d. ]+(L[\d. ]+){{{polls - 1}}}$"))


async def test_an_exporter_that_is_gone_is_said_and_its_return_seen(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.route("**/api/v1/chargers", lambda route: route.abort())
        await page.clock.run_for(POLL_MILLISECONDS)
        await expect(page.get_by_role("alert")).to_contain_text("it cannot be reached")
        await expect(row(page, "charger1")).to_be_visible()
        await page.unroute("**/api/v1/chargers")
        await next_poll(page)
        await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_charger_that_left_the_configuration_leaves_the_table(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.route(
            "**/api/v1/chargers", lambda route: route.fulfill(json={"timestamp_seconds": 1, "chargers": []})
        )
        await next_poll(page)
        await expect(page.get_by_role("status")).to_have_text("0 of 0 chargers")
        assert await shown(page) == []


async def test_five_thousand_chargers_stay_smooth(browser: Browser) -> None:
    async with Site([(f"charger{number}", None) for number in range(1, 5001)]) as site:
        charging(site, "charger4711", 7400.0)
        async with opened(browser, site) as page:
            await expect(page.get_by_role("status")).to_have_text("5,000 of 5,000 chargers")
            assert await page.locator("#rows tr").count() == 100, "only what is shown is drawn"
            await page.get_by_role("button", name="Next").click()
            assert (await shown(page))[0] == "charger101"
            await page.get_by_role("button", name="Power").click()
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


async def test_nothing_is_cut_off_at_any_width(browser: Browser) -> None:
    async with Site(
        [("veChargePoint-with-a-very-long-id-" + "0" * 40, "A name that is long too, and goes on")]
    ) as site:
        (charger,) = site.fleet.chargers
        site.tell(charger.charger_id, ConnectFailed(ConnectFailure.TIMEOUT, "no answer within 10 s: " + "look " * 30))
        async with opened(browser, site) as page:
            for width in (320, 390, 768, 1000, 1280):
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


async def test_all_text_stands_out_in_light_and_dark(browser: Browser) -> None:
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
            assert grounds["dark"] < 200 < 600 < grounds["light"]


async def test_a_screen_reader_finds_a_table_with_names_on_a_phone_too(browser: Browser) -> None:
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


async def test_a_page_that_nobody_looks_at_asks_nothing(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        await next_poll(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.clock.run_for(10 * POLL_MILLISECONDS)
        assert asked == []
        await page.evaluate("Object.defineProperty(document, 'hidden', { value: false })")
        async with page.expect_response("**/api/v1/chargers"):
            await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_without_script_there_are_the_totals_and_a_way_on(browser: Browser) -> None:
    async with Site(TWELVE) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site, java_script_enabled=False) as page:
            await expect(page.locator("#total-up")).to_have_text("1")
            await expect(page.locator("#total-power")).to_have_text("7.4 kW")
            await expect(page.get_by_role("link", name="The same as JSON")).to_be_visible()
