"""The page of a site's operations, and what operators do there."""

from dataclasses import replace
from datetime import date, timedelta

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import text

from db.reading import history
from flows.dashboard import server
from severity.domain import RESEARCH_USE_ONLY, Measure, NightlySum, Reason, View
from tests.builders.archive import model
from tests.builders.course_archive import CourseArchive, film
from tests.builders.dashboards import keep_screenshots, sideways, violations
from tests.builders.nights import write_nights

SCRIPT = "<script>document.title = 'broken'</script><img src=x onerror=alert(1)>"
DOE = film("Doe^Jane-lateral", 0, rejected=Reason.LATERAL)
FILMS = [film(f"film-{number}", number) for number in range(6)]


@pytest.fixture
def archive(database):
    """A site with films, of which some are rejected, one waits, and a machine changed."""
    archive = CourseArchive(database, "/inbox")
    archive.follow(*FILMS, DOE, film("colour", 0, rejected=Reason.COLOUR))
    archive.enlist(film("waits", 9))
    write_nights(database, nights())
    with database.transaction() as session:
        session.execute(
            text(
                "UPDATE drift_night SET model_version_id ="
                " (SELECT id FROM model_version WHERE key = :key)"
            ),
            {"key": model().key},
        )
        session.execute(
            text("UPDATE object SET detail = :detail WHERE reason = 'colour'"), {"detail": SCRIPT}
        )
    return archive


def nights():
    """Sixty nights of two devices, of which one shows more in the last ten."""
    for night in range(60):
        day = date(2020, 1, 1) + timedelta(days=night)
        for device in (1, 2):
            value = 3.0 + (2.5 if device == 2 and night >= 50 else 0.02 * (night % 5))
            for measure in (Measure.EXTENT, Measure.OPACITY):
                total, squares = 20 * value, 20 * (value**2 + 1)
                yield NightlySum(measure, device, View.PA, day, 20, total, squares)


@pytest.fixture
def site(archive, resources):
    """The site's dashboard behind a reverse proxy that names people."""
    settings = resources.settings.model_copy(
        update={
            "model": "v1",
            "dashboard_port": 0,
            "dashboard_user_header": "X-Remote-User",
            "dashboard_operators": ("dr.roe",),
        }
    )
    with server.serving(replace(resources, settings=settings)) as address:
        yield address


async def test_the_page_says_in_words_whether_anything_is_lost_late_or_drifting(site, browser_page):
    page = browser_page
    await page.set_extra_http_headers({"X-Remote-User": "dr.doe"})
    await page.goto(f"{site}/operations")

    balance = page.get_by_role("region", name="Balance")
    await expect(balance).to_contain_text("The balance holds")
    await expect(balance).to_contain_text("9 seen = 6 accepted + 2 rejected + 1 unread")
    await expect(balance).to_contain_text("0 minutes, since")
    runs = page.get_by_role("region", name="Last runs").get_by_role("row")
    await expect(runs.nth(1)).to_contain_text("finished")
    await expect(page.get_by_role("img", name="Images scored")).to_be_visible()
    drift = page.locator("section", has=page.get_by_role("heading", name="Drift"))
    await expect(drift).to_contain_text("a machine or its settings seem to have changed")
    await expect(drift).to_contain_text("ACME X-2 s-2")
    assert await drift.get_by_role("img", name="Control chart").count() >= 4
    await keep_screenshots(page, "operations")
    assert await violations(page) == []
    assert await sideways(page) == 0


async def test_a_balance_that_fails_is_told_in_words(archive, site, browser_page):
    archive.do(
        lambda session: session.execute(text("UPDATE tally SET n = n - 1 WHERE what = 'scored'"))
    )
    page = browser_page
    await page.set_extra_http_headers({"X-Remote-User": "dr.doe"})
    await page.goto(f"{site}/operations")

    await expect(page.get_by_text("The balance does not hold")).to_be_visible()
    assert await violations(page) == []


async def test_an_operator_releases_and_dismisses_and_is_recorded(archive, site, browser_page):
    page = browser_page
    await page.set_extra_http_headers({"X-Remote-User": "dr.roe"})
    await page.goto(f"{site}/operations")
    await page.get_by_role("link", name="lateral").click()
    await expect(page.get_by_text("Doe^Jane")).to_have_count(0)
    await page.get_by_role("link", name=str(archive.object(DOE))).click()
    await expect(page.get_by_text("Doe^Jane-lateral.dcm")).to_be_visible()
    await keep_screenshots(page, "rejected-file")
    assert await violations(page) == []

    await page.get_by_label("Why").fill("looked at it")
    await page.get_by_role("button", name="Dismiss").click()
    await expect(page.get_by_role("status")).to_have_text(
        "✓ 1 file marked as seen to.".removeprefix("✓ ")
    )
    await page.goto(f"{site}/operations/rejected?dismissed=true")
    await keep_screenshots(page, "rejected")
    assert await violations(page) == []
    assert await sideways(page) == 0
    await page.get_by_label(f"File {archive.object(DOE)}").check()
    await page.get_by_label("Why").fill("it is frontal")
    await page.get_by_role("button", name="Judge again").click()
    await expect(page.get_by_role("status")).to_contain_text("will be judged again")

    changes = archive.do(history.of_object, archive.object(DOE))
    assert [(change.who, change.what, change.why) for change in changes] == [
        ("dr.roe", "rejection dismissed", "looked at it"),
        ("dr.roe", "rejection released", "it is frontal"),
    ]


async def test_a_script_in_a_detail_is_text(site, browser_page):
    page = browser_page
    await page.set_extra_http_headers({"X-Remote-User": "dr.roe"})
    await page.goto(f"{site}/operations/rejected?reason=colour")

    await expect(page.get_by_text(SCRIPT)).to_be_visible()
    assert await page.title() == "Rejected files · cxr-severity"


def test_who_is_no_operator_sees_no_name_and_changes_nothing(archive, site):
    ours = {"X-Remote-User": "dr.doe", "Origin": site}
    number = archive.object(DOE)
    with httpx.Client(base_url=site, headers=ours) as client:
        listed = client.get("/operations/rejected?dismissed=true")
        shown = client.get(f"/operations/rejected/{number}")
        posted = [
            client.post(f"/operations/rejected/{decision}", data={"id": number, "why": "because"})
            for decision in ("release", "dismiss", "undismiss", "nothing")
        ]

    assert (listed.status_code, shown.status_code) == (200, 403)
    assert {answer.status_code for answer in posted} == {403}
    assert not [a for a in (listed, shown, *posted) if "Doe^Jane" in a.text]
    assert "checkbox" not in listed.text.replace('name="dismissed"', "").split("<table")[1]
    assert archive.rows("SELECT count(*) FROM correction") == [(0,)]


def test_a_decision_names_files_and_why(archive, site):
    ours = {"X-Remote-User": "dr.roe", "Origin": site}
    number = archive.object(DOE)
    with httpx.Client(base_url=site, headers=ours) as client:
        for fields, status in (
            ({"id": "1"}, 400),
            ({"why": "because"}, 400),
            ({"id": "1", "why": " "}, 400),
            ({"id": "1", "why": "a" * 501}, 400),
            ({"id": "99999999999999999999", "why": "because"}, 400),
            ({"id": "1; DROP TABLE object", "why": "because"}, 400),
            ({"id": str(number), "why": "because", "reason": "nonsense"}, 400),
            ({"id": "999999", "why": "because"}, 409),  # there is none
        ):
            answer = client.post("/operations/rejected/release", data=fields)
            assert answer.status_code == status, fields

    assert archive.rows("SELECT count(*) FROM correction") == [(0,)]


def test_the_balance_is_told_as_json_too(archive, site):
    with httpx.Client(base_url=site, headers={"X-Remote-User": "monitor"}) as client:
        held = client.get("/api/v1/balance").json()
        archive.do(
            lambda session: session.execute(
                text("UPDATE tally SET n = n - 1 WHERE what = 'accepted'")
            )
        )
        lost = client.get("/api/v1/balance").json()

    (source,) = held["sources"]
    assert (held["holds"], source["holds"], source["versions"][0]["holds"]) == (True, True, True)
    assert source["seen"] == source["accepted"] + source["rejected"] + source["unread"] == 9
    assert held["rejections"] == {"lateral": 1, "colour": 1}
    assert held["oldest_waiting"][0]["model_version"] == model().key
    assert held["note"] == RESEARCH_USE_ONLY
    assert (lost["holds"], lost["sources"][0]["holds"]) == (False, False)


def test_where_nothing_was_scored_the_page_says_so(database, resources):
    settings = resources.settings.model_copy(update={"dashboard_port": 0})
    with server.serving(replace(resources, settings=settings)) as address:
        answer = httpx.get(f"{address}/operations")

    assert answer.status_code == 200
    assert "No source was ever listed" in answer.text
