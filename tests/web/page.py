"""The landing page in a browser, and the states of its chargers."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from playwright.async_api import Browser, Page, expect

from exporter.charger.events import Connected
from exporter.charger.wire import decode
from tests.web.site import Site

POLL_MILLISECONDS = 5000
TWELVE = [(f"charger{number}", f"Place {number}") for number in range(1, 13)]
COLOUR = "element => getComputedStyle(element).color"


@asynccontextmanager
async def opened(browser: Browser, site: Site, **options: Any) -> AsyncIterator[Page]:
    """The page of a site, on a clock that only the test moves. Fails on errors, and on requests to other servers."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    errors: list[str] = []
    asked: set[str] = set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    page.on("request", lambda request: asked.add(request.url))
    await page.clock.install()
    await page.clock.pause_at(time.time() + 60)
    with explained(page):
        await page.goto(site.url)
        if options.get("java_script_enabled", True):
            await expect(page.locator("#fleet")).to_be_visible()
        yield page
    await context.close()
    assert errors == []
    assert {url for url in asked if not url.startswith(f"{site.url}/")} == set()


@asynccontextmanager
async def opened_without(browser: Browser, site: Site, path: str) -> AsyncIterator[Page]:
    """The page of a site whose requests to this path fail."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.route(path, lambda route: route.abort())
    with explained(page):
        await page.goto(site.url)
        yield page
    await context.close()


@contextmanager
def explained(page: Page) -> Iterator[None]:
    """If the block fails, add the errors, the console and the failed requests of the page to its error."""
    log: list[str] = []
    page.on("pageerror", lambda error: log.append(str(error)))
    page.on("console", lambda message: log.append(message.text))
    page.on("requestfailed", lambda request: log.append(f"{request.url}: {request.failure}"))
    try:
        yield
    except Exception as error:
        error.add_note("\n".join(["The page logged:", *log]))
        raise


async def next_poll(page: Page) -> None:
    """Let the page poll once and show the response."""
    before = await page.locator("#updated").inner_text()
    await page.clock.run_for(POLL_MILLISECONDS)
    await expect(page.locator("#updated")).not_to_have_text(before)


async def polls(page: Page, seconds: int) -> None:
    """Let the page poll for this time. If the clock went on without waiting, the first response would come too late."""
    for _ in range(0, 1000 * seconds, POLL_MILLISECONDS):
        await next_poll(page)


def charging(
    site: Site, charger_id: str, watts: float, kwh: float = 1.5, created: str = "2022-01-10T13:00:59.124Z"
) -> None:
    """Switch a charger on, with this power."""
    log = {"voltage": "230.00", "current": "7.00", "power": f"{watts:.2f}", "energy": f"{kwh:.2f}"}
    document = decode("chargerConnected", ({"_doc": {"status": "ON"}},))
    reading = decode("newLog", ({**log, "createdAt": created},))
    if not site.deliver(charger_id).stream.connected:
        site.deliver(charger_id, Connected(), document)
    site.deliver(charger_id, reading)


def switched_off(site: Site, charger_id: str) -> None:
    site.deliver(charger_id, Connected(), decode("chargerConnected", ({"_doc": {"status": "OFF", "energy": 0.25}},)))


def row(page: Page, charger_id: str) -> Any:
    return page.locator("tr.charger").filter(has=page.get_by_text(charger_id, exact=True))


async def shown(page: Page) -> list[str]:
    """The ids of the visible rows, from the top."""
    return await page.locator("#rows .charger:visible .id").all_inner_texts()
