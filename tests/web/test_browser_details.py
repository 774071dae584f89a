"""The details of a row of the landing page, and the energy of the sessions, in a real browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, expect

from exporter.charger.events import ConnectFailed
from exporter.errors import ConnectFailure
from tests.charger.saving import save
from tests.web.page import TWELVE, charging, next_poll, opened, polls, row
from tests.web.site import Site

# All tests share a browser, so they share an event loop.
pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.usefixtures("fresh")]

BEGAN = datetime(2026, 11, 27, 20, 15, tzinfo=UTC)


def session(number: int, **changes: Any) -> dict[str, Any]:
    """A session as GET /api/v1/sessions describes it."""
    began = BEGAN - timedelta(hours=9 * number)
    return {
        "charger_id": "charger1",
        "number": 100 - number,
        "began": began.isoformat().replace("+00:00", "Z"),
        "ended": (began + timedelta(hours=3)).isoformat().replace("+00:00", "Z"),
        "energy_joules": 51_120_000,
        "energy_kwh": 14.2,
        "peak_watts": 7012.0,
        "began_by": "status",
        "ended_by": "status",
        "certain": True,
    } | changes


class Sessions:
    """Responds to GET /api/v1/sessions instead of the exporter."""

    def __init__(self) -> None:
        self.sessions = [session(number) for number in range(10)]
        self.joules = 3.6e6 * 42.5
        self.asked: list[dict[str, list[str]]] = []
        self.status = 200
        self.damaged: dict[str, bool] = {}

    async def answer(self, route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        self.asked.append(query)
        totals = {"totals": {"sessions": 3, "energy_joules": self.joules}} if "totals" in query else {}
        await route.fulfill(status=self.status, json={"sessions": self.sessions, **totals, **self.damaged})


@asynccontextmanager
async def with_sessions(browser: Browser, site: Site, **options: Any) -> AsyncIterator[tuple[Page, Sessions]]:
    """The page, reloaded with these responses about sessions."""
    sessions = Sessions()
    async with opened(browser, site, **options) as page:
        await page.route("**/api/v1/sessions?**", sessions.answer)
        await page.reload()
        await expect(page.locator("#fleet")).to_be_visible()
        yield page, sessions


async def facts(page: Page) -> dict[str, str]:
    """The facts in the open row."""
    lines = await page.locator(".details:visible dl div").all_inner_texts()
    return dict(re.split(r"\s*\n\s*", line.strip(), maxsplit=1) for line in lines)


async def test_a_row_opens_to_readings_and_sessions_and_closes_again(browser: Browser) -> None:
    async with Site(TWELVE[:2]) as site:
        charging(site, "charger1", 7400.0)
        charger = site.deliver("charger1")
        save(charger)
        async with with_sessions(browser, site, timezone_id="UTC", locale="en-GB") as (page, sessions):
            sessions.sessions[0] = session(0, ended=None)
            sessions.sessions[1] = session(1, certain=False, peak_watts=None)
            await row(page, "charger1").click()
            await expect(page.locator(".details:visible .list tr")).to_have_count(10)
            shown = await facts(page)
            assert shown.pop("Session start") != "-"
            assert shown == {
                "Account": "delhi",
                "Voltage": "230.0 V",
                "Current": "7.00 A",
                "Total energy": "1.50 kWh",
                "Stream": "Connected",
                "Last problem": "none since this page was opened",
            }
            first, second, *_ = await page.locator(".details:visible .list tr").all_inner_texts()
            assert re.match(r"27 Nov(?: 2026)?, 20:15\trunning\t14\.20 kWh\t7\.01 kW", first)
            assert second.endswith("14.20 kWh (uncertain)\t-")
            assert {"limit": ["10"], "charger_id": ["charger1"]} in sessions.asked
            await row(page, "charger1").click()
            await expect(page.locator(".details:visible")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
async def test_a_row_opens_with_the_keyboard(browser: Browser, width: int) -> None:
    async with Site(TWELVE[:3]) as site, with_sessions(browser, site) as (page, _):
        await page.set_viewport_size({"width": width, "height": 800})
        button = page.get_by_role("button", name="charger2", exact=True)
        await expect(button).to_have_attribute("aria-expanded", "false")
        await page.get_by_label("Show").focus()
        while await page.evaluate("document.activeElement.textContent") != "charger2":
            await page.keyboard.press("Tab")
        for key, state in (("Enter", "true"), ("Space", "false"), ("Enter", "true")):
            await page.keyboard.press(key)
            await expect(button).to_have_attribute("aria-expanded", state)
        details = page.locator(f"#{await button.get_attribute('aria-controls')}")
        await expect(details.get_by_text("Last sessions")).to_be_visible()
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= width
        await next_poll(page)
        await expect(button).to_be_focused()
        await expect(details).to_be_visible()


async def test_focus_and_open_row_follow_the_charger_when_the_order_changes(browser: Browser) -> None:
    async with Site(TWELVE[:2]) as site:
        charging(site, "charger1", 7400.0)
        charging(site, "charger2", 3000.0)
        async with with_sessions(browser, site) as (page, _):
            await page.locator("thead").get_by_role("button", name="Power").click()
            button = page.get_by_role("button", name="charger1", exact=True)
            await button.focus()
            await page.keyboard.press("Enter")
            charging(site, "charger2", 11000.0, created="2022-01-10T13:01:59.124Z")
            await next_poll(page)
            assert await page.locator("#rows .id").all_inner_texts() == ["charger2", "charger1"]
            await expect(button).to_be_focused()
            await expect(button).to_have_attribute("aria-expanded", "true")
            await expect(page.get_by_role("button", name="charger2")).to_have_attribute("aria-expanded", "false")


async def test_the_last_problem_is_shown_after_it_is_solved(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        site.deliver("charger1", ConnectFailed(ConnectFailure.TLS, "TLS failed: check ca_file"))
        async with with_sessions(browser, site) as (page, _):
            await page.locator("#rows .id").click()
            assert (await facts(page))["Last problem"] == "TLS failed: check ca_file"
            charging(site, "charger1", 7400.0)
            await next_poll(page)
            assert re.fullmatch(r"TLS failed: check ca_file \(\d+ s ago\)", (await facts(page))["Last problem"])


async def test_unreadable_sessions_are_reported_and_the_other_details_shown(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site:
        charging(site, "charger1", 7400.0)
        async with with_sessions(browser, site) as (page, sessions):
            sessions.status = 503
            await page.locator("#rows .id").click()
            note = page.locator(".details:visible .note")
            await expect(note).to_have_text("The sessions cannot be shown (it answers 503).")
            assert (await facts(page))["Voltage"] == "230.0 V"
            sessions.status = 200
            sessions.sessions = []
            await polls(page, 35)
            await expect(note).to_have_text("No session yet.")


async def test_damaged_sessions_are_reported_beside_the_others_and_beside_the_totals(browser: Browser) -> None:
    async with Site(TWELVE[:1]) as site, with_sessions(browser, site) as (page, sessions):
        await expect(page.locator("#total-month")).to_have_text("42.5 kWh")
        sessions.damaged = {"damaged": True}
        await polls(page, 60)
        await expect(page.locator("#total-month")).to_have_text("42.5 kWh (incomplete)")
        await page.locator("#rows .id").click()
        note = page.locator(".details:visible .note")
        await expect(note).to_contain_text("Run 'vecharge-exporter sessions' to see which.")
        await expect(page.locator(".details:visible .list tr")).to_have_count(10)


async def test_the_energy_of_today_and_of_this_month_follows_the_time_zone_of_the_browser(browser: Browser) -> None:
    site = Site(TWELVE[:1])
    async with site, with_sessions(browser, site, timezone_id="Asia/Kolkata") as (page, sessions):
        await expect(page.locator("#total-today")).to_have_text("42.5 kWh")
        await expect(page.locator("#total-month")).to_have_text("42.5 kWh")
        asked = [query for query in sessions.asked if "totals" in query]
        assert [query["limit"] for query in asked] == [["0"], ["0"]]
        today, month = (datetime.fromisoformat(query["since"][0]) for query in asked)
        kolkata = timedelta(hours=5, minutes=30)
        assert ((today + kolkata).hour, (today + kolkata).minute) == (0, 0)
        assert ((month + kolkata).day, (month + kolkata).hour) == (1, 0)
        sessions.joules = 3.6e9 * 1.25
        await polls(page, 60)
        await expect(page.locator("#total-month")).to_have_text("1.25 MWh")
        sessions.status = 503
        await polls(page, 60)
        await expect(page.locator("#total-today")).to_have_text("-")
