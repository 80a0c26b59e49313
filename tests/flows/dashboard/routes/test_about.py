"""The page that says what a score means."""

import re
from dataclasses import replace

import httpx
from playwright.async_api import expect

from flows.dashboard import server
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.dashboards import keep_screenshots, sideways, violations


async def test_it_shows_scales_margins_and_what_it_is_for(dashboard, browser_page):
    page = browser_page
    await page.goto(f"{dashboard.url}/about")

    await expect(page.get_by_text(RESEARCH_USE_ONLY)).to_have_count(2)
    rows = page.get_by_role("region", name="What a score means").get_by_role("row")
    await expect(rows.nth(1)).to_contain_text(re.compile("Geographic extent.*0.8"))
    await expect(rows.nth(1)).to_contain_text("1.3")
    await expect(page.get_by_text("cannot tell", exact=True)).to_be_visible()
    await keep_screenshots(page, "about")
    assert await violations(page) == []
    assert await sideways(page) == 0


def test_before_the_first_score_it_shows_the_card_of_the_sites_model(database, resources):
    settings = resources.settings.model_copy(update={"model": "compact-2", "dashboard_port": 0})
    with server.serving(replace(resources, settings=settings)) as address:
        answer = httpx.get(f"{address}/about")

    assert answer.status_code == 200
    assert "efficientnet-lite0" in answer.text
    assert "mean absolute error 0.98 ± 0.11 points" in answer.text
