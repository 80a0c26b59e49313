"""The page of all patients together, in a browser."""

from dataclasses import replace

import httpx
import pytest
from playwright.async_api import expect

from db.events import PatientGroup, store_groups
from flows.courses.update import update_courses
from flows.dashboard import server
from tests.builders.course_archive import CourseArchive, film
from tests.builders.dashboards import keep_screenshots, sideways, violations

SCRIPT = '"><img src=x onerror="document.title=1"><script>document.title = "broken"</script>'


@pytest.fixture
def site(database, resources):
    """Patients of two groups, one with a name that is a script, of whom one group is treated."""
    archive = CourseArchive(database)
    archive.follow(
        *(
            film(f"{number}-{day}", day, max(0.0, start + slope * day), patient=f"p-{number}")
            for number, start, slope in ((1, 5, -0.3), (2, 6, -0.4), (3, 2, 0.2), (4, 3, 0.3))
            for day in (0, 2, 5, 9)
        )
    )
    arms = {"p-1": "drug", "p-2": "drug", "p-3": SCRIPT, "p-4": SCRIPT}
    archive.do(store_groups, "ward", [PatientGroup(key, "arm", arms[key]) for key in arms])
    for number in (1, 2):
        archive.treat(SCRIPT, 1, 6, patient=f"p-{number}")
    update_courses(database)
    settings = resources.settings.model_copy(update={"model": "v1", "dashboard_port": 0})
    with server.serving(replace(resources, settings=settings)) as address:
        yield address


async def test_curves_are_drawn_and_told_by_day_by_group_and_after_a_treatment(site, browser_page):
    page = browser_page
    await page.goto(f"{site}/cohort")
    assert await page.get_by_role("img", name="Geographic extent, median").count() == 1

    await page.get_by_label("After a treatment").select_option(index=1)
    await page.get_by_label("By group").select_option("arm")
    await page.get_by_role("button", name="Show").click()

    headings = await page.get_by_role("heading", level=2).all_inner_texts()
    assert headings == [
        "By day since the baseline",
        "By arm",
        f"After {SCRIPT}",
        f"After {SCRIPT}, by arm",
    ]
    assert await page.get_by_role("img", name="Opacity, median").count() == 4
    await page.get_by_text("As a table").nth(2).click()
    table = page.get_by_role("region", name="By arm: Geographic extent")
    await expect(table.get_by_role("row")).to_have_count(9)
    await expect(table).to_contain_text(SCRIPT)
    assert await page.title() == "Cohort · cxr-severity"
    await keep_screenshots(page, "cohort")
    assert await violations(page) == []
    assert await sideways(page) == 0


def test_what_is_not_known_is_not_shown(site):
    answer = httpx.get(f"{site}/cohort", params={"treatment": "drug:none", "group": "none"})

    assert answer.status_code == 200
    assert answer.text.count("<h2>") == 1
