"""What the landing page of an exporter says, read in a browser as a person sees it."""

from collections import Counter
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.processes import SECONDS
from tests.rules.broken.stack import Stack
from tests.web.chromium import ARGUMENTS, chromium

WIDTH, HEIGHT = 1280, 800


def said(stack: Stack, pictures: str) -> list[str]:
    """A line for each shard that runs: title, totals, and how many rows say what. Draws the pages, too."""
    lines = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        for shard in stack.shards:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(SECONDS * 1000)
            page.goto(f"http://{stack.addresses[shard]}/")
            page.wait_for_selector("#rows .charger")
            page.screenshot(path=Path(f"{pictures}-page-{shard}.png"))
            totals = {name: page.inner_text(f"#total-{name}") for name in ("chargers", "up", "down")}
            rows = Counter(" ".join(text.split()) for text in page.locator("#rows .charger td.up").all_inner_texts())
            states = ", ".join(f"{count} x {state}" for state, count in rows.items())
            lines.append(f"shard {shard}: {page.title()!r}, {totals}, rows: {states}")
            page.close()
        browser.close()
    return lines
