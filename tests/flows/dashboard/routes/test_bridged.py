"""The page of a patient across a change of the model version."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.async_api import Page

from db.engine import Database
from flows.courses.bridging import learn_bridge
from flows.dashboard import server
from flows.resources import Resources
from tests.builders.archive import model
from tests.builders.bridged import CURRENT, FORMER, BridgedArchive
from tests.builders.dashboards import keep_screenshots, violations

OLD, NEW = model(FORMER).key, model(CURRENT).key


@pytest.fixture
def address(database: Database, resources: Resources) -> Iterator[str]:
    archive = BridgedArchive(database)
    archive.learnable()
    archive.across("p-across")
    learn_bridge(database, OLD, NEW)
    settings = resources.settings.model_copy(update={"model": CURRENT, "dashboard_port": 0})
    with server.serving(replace(resources, settings=settings)) as address:
        yield address


async def test_a_bridged_course_shows_its_seam_and_the_plain_one_stays(
    address: str, browser_page: Page
) -> None:
    await browser_page.goto(f"{address}/patients/p-across")
    assert await browser_page.locator("#course .film").count() == 2
    assert await browser_page.locator("#course .seams line").count() == 0
    assert "BRIDGED" not in await browser_page.locator("main").inner_text()

    await browser_page.locator("nav.switch a", has_text="Across").click()

    assert await browser_page.locator("#course .film").count() == 4
    assert await browser_page.locator("#course .film.converted").count() == 2
    assert await browser_page.locator("#course .seams line").count() == 1
    assert await browser_page.locator("h1 .chip").inner_text() == "BRIDGED"
    assert await browser_page.locator("table.films .remarks", has_text=OLD).count() == 2
    assert await violations(browser_page) == []
    await keep_screenshots(browser_page, "bridged")

    assert await seam_in_json(browser_page, f"{address}/api/v1/patients/p-across/course") is None
    query = "course?bridged=true"
    seam = await seam_in_json(browser_page, f"{address}/api/v1/patients/p-across/{query}")
    assert seam["former_version"] == OLD


async def seam_in_json(page: Page, url: str) -> dict | None:
    answer = await page.request.get(url)
    return (await answer.json())["seam"]
