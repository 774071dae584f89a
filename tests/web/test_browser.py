"""The landing page in a real browser."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from exporter.errors import ConnectFailure
from exporter.events import Connected, ConnectFailed, Received
from exporter.web import api
from tests.conftest import or_skip
from tests.web.chromium import ARGUMENTS, chromium
from tests.web.site import Site

# One browser for all tests, so one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")

POLL_MILLISECONDS = 5000
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
    await page.clock.pause_at(time.time() + 1)
    await page.goto(site.url)
    if options.get("java_script_enabled", True):
        await expect(page.locator("#fleet")).to_be_visible()
    yield page
    await context.close()
    assert errors == []
    assert {url for url in asked if not url.startswith(f"{site.url}/")} == set()


async def next_poll(page: Page) -> None:
    """Lets the page ask once more, and take what it is answered."""
    before = await page.locator("#updated").inner_text()
    await page.clock.run_for(POLL_MILLISECONDS)
    await expect(page.locator("#updated")).not_to_have_text(before)


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


COLOUR = "element => getComputedStyle(element).color"


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


ODD_NAMES = [("on", "Upton"), ("off-1", "Old Town"), ("charger3", None), ("charger4", "Updown")]
SEARCHES = {
    "CHARGER3": ["charger3"],
    "old town": ["off-1"],
    "town old": ["off-1"],
    "up": ["charger4", "on"],
    "on": ["charger3", "on"],  # of the first it is said: not connected yet
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


async def test_any_word_finds_id_name_account_and_problem(browser: Browser) -> None:
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


async def test_an_exporter_that_is_gone_is_said_and_its_return_seen(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.route("**/api/v1/chargers", lambda route: route.abort())
        await page.clock.run_for(POLL_MILLISECONDS)
        await expect(page.get_by_role("alert")).to_contain_text("it cannot be reached")
        await expect(row(page, "charger1")).to_be_visible()
        await page.unroute("**/api/v1/chargers")
        await next_poll(page)
        await expect(page.get_by_role("alert")).to_be_hidden()


async def test_what_was_known_of_an_exporter_that_is_gone_does_not_look_like_now(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site, timezone_id="UTC") as page:
            up, log, total = row(page, "charger1").locator(".up"), page.locator("#rows .log"), page.locator("#total-up")
            lively = [await up.evaluate(COLOUR), await total.evaluate(COLOUR)]
            since = await page.evaluate("new Date().toLocaleTimeString()")
            before = re.findall(r"\d+ \w+", await log.inner_text())
            await page.route("**/api/v1/chargers", lambda route: route.abort())
            await page.clock.run_for(POLL_MILLISECONDS)
            said = await page.get_by_role("alert").inner_text()
            told = re.search(r"What you see is of (\d+:\d+:\d+)", said)
            assert told is not None
            assert told[1].rpartition(":")[0] == since.rpartition(":")[0]
            faint = await page.locator("thead th").first.evaluate(COLOUR)
            assert [await up.evaluate(COLOUR), await total.evaluate(COLOUR)] == [faint, faint] != lively
            await page.clock.fast_forward(49 * 3600 * 1000)
            after = re.findall(r"\d+ \w+", await log.inner_text())
            assert (int(after[0].split()[0]) - int(before[0].split()[0]), after[0].split()[1]) == (2, "d")
            assert await page.get_by_role("alert").inner_text() == said, "a screen reader is told once"
            await page.unroute("**/api/v1/chargers")
            await next_poll(page)
            await expect(page.get_by_role("alert")).to_be_hidden()
            assert [await up.evaluate(COLOUR), await total.evaluate(COLOUR)] == lively


async def test_an_exporter_that_hangs_is_not_shown_as_if_it_lived(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site) as page:
            lively = await page.locator("#rows .up").evaluate(COLOUR)
            await page.route("**/api/v1/chargers", lambda _: None)
            await page.clock.run_for(4 * POLL_MILLISECONDS)
            assert await page.locator("#rows .up").evaluate(COLOUR) != lively


async def test_the_page_says_of_when_it_is(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site, opened(browser, site) as page:
        for _ in range(2):
            await next_poll(page)
            told = await page.evaluate("new Date().toLocaleTimeString()")
            await expect(page.locator("#updated")).to_have_text(f"at {told}")


async def test_a_charger_that_left_the_configuration_leaves_the_table(browser: Browser) -> None:
    async with Site(TWELVE) as site, opened(browser, site) as page:
        await page.route(
            "**/api/v1/chargers", lambda route: route.fulfill(json={"timestamp_seconds": 1, "chargers": []})
        )
        await next_poll(page)
        await expect(page.locator("#found")).to_have_text("0 of 0 chargers")
        assert await shown(page) == []


async def test_five_thousand_chargers_stay_smooth(browser: Browser) -> None:
    async with Site([(f"charger{number}", None) for number in range(1, 5001)]) as site:
        charging(site, "charger4711", 7400.0)
        async with opened(browser, site) as page:
            await expect(page.locator("#found")).to_have_text("5,000 of 5,000 chargers")
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


async def test_pages_are_turned_by_keyboard_and_said(browser: Browser) -> None:
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
                await page.evaluate("document.body.classList.add('stale')")
                assert await page.evaluate(FAINT) == [], f"{scheme}, and stale"
                await page.evaluate("document.body.classList.remove('stale')")
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
