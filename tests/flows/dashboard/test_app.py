"""The frame of all pages."""

import httpx
from playwright.async_api import Page

from severity.domain import RESEARCH_USE_ONLY
from tests.builders.dashboards import Dashboard, sideways, violations


async def test_every_page_has_the_frame_and_fits_a_phone(
    dashboard: Dashboard, browser_page: Page
) -> None:
    for path in ("/", "/nothing/here"):
        await browser_page.goto(f"{dashboard.url}{path}")

        assert RESEARCH_USE_ONLY in await browser_page.locator("footer").inner_text()
        assert await violations(browser_page) == []
        assert await sideways(browser_page) == 0


def test_the_pages_files_are_there(dashboard: Dashboard) -> None:
    for name in ("dashboard.css", "keys.js", "d3.min.js", "d3.LICENSE"):
        assert httpx.get(f"{dashboard.url}/static/{name}").status_code == 200
