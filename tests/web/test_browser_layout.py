"""The layout of the landing page at every width, its contrast and its names, in a real browser."""

import re

import pytest
from playwright.async_api import Browser, expect

from exporter.charger.events import ConnectFailed
from exporter.errors import ConnectFailure
from tests.web.page import TWELVE, charging, opened, row, switched_off
from tests.web.site import Site

# All tests share a browser, so they share an event loop.
pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.usefixtures("fresh")]


async def test_text_is_not_cut_off_at_any_width(browser: Browser) -> None:
    async with Site(
        [("veChargePoint-with-a-very-long-id-" + "0" * 40, "A name that is long too, and goes on")]
    ) as site:
        (charger,) = site.fleet.chargers
        site.deliver(
            charger.charger_id, ConnectFailed(ConnectFailure.TIMEOUT, "no answer within 10 s: " + "look " * 30)
        )
        async with opened(browser, site) as page:
            await page.locator("#rows .id").click()
            for width in (320, 390, 699, 700, 768, 991, 1000, 1280):
                await page.set_viewport_size({"width": width, "height": 800})
                assert await page.evaluate("document.scrollingElement.scrollWidth") <= width


async def test_the_page_has_a_table_from_700_pixels_and_cards_below(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0)
        async with opened(browser, site) as page:
            for width, display in ((1280, "table-row"), (700, "table-row"), (699, "grid")):
                await page.set_viewport_size({"width": width, "height": 800})
                style = await page.locator("#rows .charger").evaluate("row => getComputedStyle(row).display")
                assert style == display, width
                for part in (".account", ".reach", ".status", ".power", ".energy", ".log"):
                    await expect(row(page, "charger1").locator(part)).to_be_visible()


# Text with less contrast than WCAG requires at level AA.
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
        site.deliver("charger3", ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"))
        async with opened(browser, site) as page:
            await page.get_by_role("button", name="charger3", exact=True).click()
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


async def test_a_screen_reader_finds_a_named_table_on_a_phone(browser: Browser) -> None:
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
