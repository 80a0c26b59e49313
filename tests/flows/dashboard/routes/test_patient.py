"""The page of a patient in a browser: chart, films, treatments, and what print makes of it."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import Page

from db.corrections import Author, correct_time, withdraw
from db.engine import Database
from db.reading import images, patients
from flows.courses.bridging import learn_bridge
from flows.courses.update import update_courses
from flows.dashboard import server
from flows.resources import Resources
from tests.builders.archive import model
from tests.builders.bridged import CURRENT, FORMER, BridgedArchive
from tests.builders.course_archive import DAY_ZERO, CourseArchive, film
from tests.builders.dashboards import Dashboard, keep_screenshots, sideways, violations
from tests.builders.stories import ELSEWHERE, MERGED, OF_TWO, SAME

OLD, NEW = model(FORMER).key, model(CURRENT).key


async def test_chart_and_table_show_each_film_and_the_keyboard_goes_from_one_to_the_next(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/p-better")
    films = browser_page.locator("#course .film")
    told = browser_page.locator(".told")
    await browser_page.locator("#course .film[tabindex='0']").focus()
    await browser_page.keyboard.press("Home")
    first = await told.inner_text()
    await browser_page.keyboard.press("ArrowRight")
    second = await told.inner_text()

    assert await films.count() == await browser_page.locator("table.films tbody tr").count() == 4
    assert "2020-03-01 12:00" in first
    assert "baseline" in first
    assert "2020-03-05 12:00" in second
    assert "score 5.8" in second
    label = await films.nth(1).get_attribute("aria-label") or ""
    assert "score 5.8" in label
    await browser_page.keyboard.press("Enter")
    row = "document.activeElement.textContent.includes('2020-03-05 12:00')"
    assert await browser_page.evaluate(row)
    assert await violations(browser_page) == []
    await browser_page.emulate_media(color_scheme="dark")
    assert await violations(browser_page) == []
    assert await sideways(browser_page) == 0
    await keep_screenshots(browser_page, "patient")


async def test_pointing_at_a_film_says_what_is_known_of_it(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/p-single")

    await browser_page.locator("#course .film").nth(1).hover()

    assert "black and white are exchanged" in await browser_page.locator(".told").inner_text()
    flagged = browser_page.locator("table.films tr.flagged")
    assert await flagged.count() == 1
    assert "black and white are exchanged" in await flagged.inner_text()
    assert "processed unlike the training films" in await flagged.inner_text()


async def test_the_lungs_of_the_baseline_and_of_the_last_film_stand_beside_each_other(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/p-better")
    tables = browser_page.locator(".lungs table")

    first, last = [(await table.inner_text()).split("\n") for table in await tables.all()]

    assert "Film 1, 2020-03-01 12:00" in first[0]
    assert "Film 4, 2020-03-13 12:00" in last[0]
    cells = [[line.split("\t")[1:] for line in lines[-5:]] for lines in (first, last)]
    assert cells[0] == [
        ["4.0", "2.0"],
        ["1.2", "0.8"],
        ["0%", "10%"],
        ["50%", "25%"],
        ["100%", "90%"],
    ]
    assert cells[1][0] == ["1.0", "0.5"]


async def test_a_film_says_what_each_lung_has(dashboard: Dashboard, browser_page: Page) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/p-better")

    await browser_page.locator("#course .film").first.hover()

    told = await browser_page.locator(".told").inner_text()
    assert "extent 4.0 and 2.0, opacity 1.2 and 0.8" in told


async def test_films_of_which_no_lungs_are_known_have_no_table(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/p-single")

    assert await browser_page.locator(".lungs").count() == 0


async def test_treatments_stand_beside_their_responses(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/p-better")

    row = browser_page.locator("table.responses tbody tr").first
    assert "dexamethasone" in await row.inner_text()
    assert "▼" in await row.inner_text()
    assert await browser_page.locator("#course .events text").all_text_contents() == [
        "dexamethasone"
    ]
    assert "no effect" in await browser_page.locator("main").inner_text()


async def test_the_page_of_a_merged_patient_is_the_others_and_marks_the_films(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/{MERGED}?axis=days")

    assert browser_page.url == f"{dashboard.url}/patients/{OF_TWO}?axis=days"
    assert await browser_page.locator("#course .film.merged").count() == 1
    marked = browser_page.locator("table.films tr", has_text=MERGED)
    assert await marked.count() == 1
    zone = dashboard.resources.settings.zone
    merged = dashboard.archive.as_reader(patients.merged_images, OF_TWO, zone=zone)
    assert {str(each.on) in await marked.inner_text() for each in merged.values()} == {True}


async def test_a_course_is_printed_on_one_page(dashboard: Dashboard, browser_page: Page) -> None:
    await browser_page.goto(f"{dashboard.url}/patients/{SAME}")

    document = await browser_page.pdf(format="A4")

    assert len(re.findall(rb"/Type /Page\b", document)) == 1


def test_a_patient_whom_another_model_version_scored_is_shown_by_that(
    dashboard: Dashboard,
) -> None:
    answer = httpx.get(f"{dashboard.url}/patients/{ELSEWHERE}")
    (link,) = set(re.findall(rf'href="(/patients/{ELSEWHERE}\?model=v2[^"]*)"', answer.text))

    assert answer.status_code == 404
    other = httpx.get(f"{dashboard.url}{link}")
    assert other.status_code == 200
    assert "No course" in other.text, "no parameters were learned for it"


@pytest.fixture
def upgraded_site(database: Database, resources: Resources) -> Iterator[str]:
    """A site with a new model version, which has scored a part of the films."""
    archive = CourseArchive(database)
    for day in range(4):
        archive.add(film(f"a{day}", day), film(f"b{day}", day, patient="p-later"), by="v0")
    archive.queue()
    archive.score(limit=1)
    update_courses(database)
    settings = resources.settings.model_copy(update={"model": "v1", "dashboard_port": 0})
    with server.serving(replace(resources, settings=settings)) as address:
        yield address


def test_what_a_new_model_version_has_yet_to_score_is_said(upgraded_site: str) -> None:
    assert "+3 waiting" in httpx.get(upgraded_site).text
    assert "+3 waiting" in httpx.get(f"{upgraded_site}/patients/p-1").text
    assert "by this model version: 4" in httpx.get(f"{upgraded_site}/patients/p-later").text
    worklist = httpx.get(f"{upgraded_site}/api/v1/worklist").json()
    assert [row["waiting"] for row in worklist["patients"]] == [3]
    course = httpx.get(f"{upgraded_site}/api/v1/patients/p-1/course").json()
    assert course["waiting"] == 3
    table = csv.DictReader(httpx.get(f"{upgraded_site}/worklist.csv").text.splitlines())
    assert [row["films_waiting"] for row in table] == ["3"]


def test_what_is_not_up_to_date_is_said_before_the_verdict(
    upgraded_site: str, database: Database
) -> None:
    address = f"{upgraded_site}/api/v1/patients/p-1/course"
    before = httpx.get(address).json()
    assert before["is_due"] is False
    assert "not up to date" not in httpx.get(upgraded_site).text
    with database.transaction() as session:
        image, at = before["images"][0]["image_id"], DAY_ZERO + timedelta(days=7)
        correct_time(session, Author("dr.roe", "it was wrong"), image, at)

    page = httpx.get(f"{upgraded_site}/patients/p-1").text

    assert 0 < page.find("NOT UP TO DATE") < page.find('class="summaries"')
    assert page.count("NOT UP TO DATE") == 1
    assert httpx.get(address).json()["is_due"] is True
    assert httpx.get(upgraded_site).text.count("not up to date") == 1
    (row,) = csv.DictReader(httpx.get(f"{upgraded_site}/worklist.csv").text.splitlines())
    assert row["is_due"] == "True"


def test_treatments_are_shown_where_there_is_no_course(
    upgraded_site: str, database: Database
) -> None:
    CourseArchive(database).treat("dexamethasone", 1.5)
    former = f"model={model('v0').key}"

    page = httpx.get(f"{upgraded_site}/patients/p-1?{former}").text
    answer = httpx.get(f"{upgraded_site}/api/v1/patients/p-1/responses?{former}").json()

    assert "No course" in page, "no parameters were learned for it"
    assert "dexamethasone" in page
    assert [event["label"] for event in answer["events"]] == ["dexamethasone"]


def test_a_verdict_of_an_earlier_episode_says_so(database: Database, resources: Resources) -> None:
    archive = CourseArchive(database)
    archive.follow(film("a", 0, 2.0), film("worse", 3, 7.0), film("later", 300, flagged=True))
    settings = resources.settings.model_copy(update={"model": "v1", "dashboard_port": 0})

    with server.serving(replace(resources, settings=settings)) as address:
        page = httpx.get(f"{address}/patients/p-1").text
        (row,) = httpx.get(f"{address}/api/v1/worklist").json()["patients"]

    assert row["verdict"] is None
    assert "those of 2020-03-04 12:00: no film of the latest episode counts" in page


def test_a_film_that_a_wrong_clock_dates_ahead_was_not_taken_days_ago(
    database: Database, resources: Resources
) -> None:
    ahead = replace(film("a", 0), at=datetime.now(UTC) + timedelta(days=3))
    CourseArchive(database).follow(ahead)
    settings = resources.settings.model_copy(update={"model": "v1", "dashboard_port": 0})

    with server.serving(replace(resources, settings=settings)) as address:
        for path in ("", "/patients/p-1"):
            page = httpx.get(f"{address}{path}").text
            assert "in the future" in page
            assert "days ago" not in page


def test_a_patient_of_whom_all_films_are_withdrawn_is_no_unknown_one(
    upgraded_site: str, database: Database
) -> None:
    with database.transaction() as session:
        for image in images.of_patient(session, "p-1"):
            withdraw(session, Author("dr.roe", "of another"), image.image_id)

    shown = httpx.get(f"{upgraded_site}/patients/p-1")

    assert shown.status_code == 404
    assert "withdrawn" in shown.text.lower()
    assert "No such patient" not in shown.text


def test_an_unknown_patient_is_not_found(dashboard: Dashboard) -> None:
    assert httpx.get(f"{dashboard.url}/patients/p-nobody").status_code == 404
    assert httpx.get(f"{dashboard.url}/patients/{SAME}?model=v9").status_code == 404


def test_without_scripts_the_table_says_it_all(dashboard: Dashboard) -> None:
    text = httpx.get(f"{dashboard.url}/patients/p-better").text

    rows = re.findall(r'<tr id="film-\d+".*?</tr>', text, flags=re.DOTALL)
    assert len(rows) == 4
    assert "5.8" in rows[1]


@pytest.fixture
def bridged_site(database: Database, resources: Resources) -> Iterator[str]:
    archive = BridgedArchive(database)
    archive.learnable()
    archive.across("p-across")
    learn_bridge(database, OLD, NEW)
    settings = resources.settings.model_copy(update={"model": CURRENT, "dashboard_port": 0})
    with server.serving(replace(resources, settings=settings)) as address:
        yield address


async def test_a_bridged_course_shows_its_seam_and_the_plain_one_stays(
    bridged_site: str, browser_page: Page
) -> None:
    await browser_page.goto(f"{bridged_site}/patients/p-across")
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

    assert (
        await seam_in_json(browser_page, f"{bridged_site}/api/v1/patients/p-across/course") is None
    )
    query = "course?bridged=true"
    seam = await seam_in_json(browser_page, f"{bridged_site}/api/v1/patients/p-across/{query}")
    assert seam["former_version"] == OLD


async def seam_in_json(page: Page, url: str) -> dict | None:
    answer = await page.request.get(url)
    return (await answer.json())["seam"]
