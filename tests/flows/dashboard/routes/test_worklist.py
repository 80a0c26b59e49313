"""The worklist in a browser: who is shown, in which order, and how one gets to a patient."""

import csv
import re

import httpx
import pytest
from playwright.async_api import Page

from severity.domain import PatientId
from tests.builders.dashboards import Dashboard, keep_screenshots, sideways, violations
from tests.builders.stories import ELSEWHERE, OF_TWO, PENDING, SAME


async def keys(page: Page) -> list[str]:
    return await page.locator("a.patient").all_inner_texts()


async def test_the_most_probably_worse_come_first_with_level_verdict_and_line(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(dashboard.url)

    shown = await keys(browser_page)
    row = browser_page.locator("tbody tr").first
    assert shown[0] == "p-worse"
    assert {"p-better", SAME, "p-single", OF_TWO} < set(shown)
    assert ELSEWHERE not in shown, "another model version"
    assert "worse" in await row.locator(".verdict").inner_text()
    assert len((await row.locator("polyline").get_attribute("points") or "").split()) == 4
    waiting = await browser_page.locator(".waiting").inner_text()
    assert waiting.endswith(f" {PENDING}")
    assert await violations(browser_page) == []
    await browser_page.emulate_media(color_scheme="dark")
    assert await violations(browser_page) == []
    assert await sideways(browser_page) == 0
    await keep_screenshots(browser_page, "worklist")


async def test_filters_stay_in_the_address_and_say_when_nobody_is_left(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(dashboard.url)
    await browser_page.get_by_label("Verdict").select_option("better")
    await browser_page.get_by_role("button", name="Show").click()
    better = await keys(browser_page)
    await browser_page.goto(browser_page.url)
    again = await keys(browser_page)
    await browser_page.get_by_label("Group").select_option("arm=treated")
    await browser_page.get_by_label("Verdict").select_option("worse")
    await browser_page.get_by_role("button", name="Show").click()

    assert better == again == ["p-better"]
    assert await keys(browser_page) == []
    assert await browser_page.locator(".notice h2").is_visible()
    assert await violations(browser_page) == []


async def test_the_keyboard_alone_leads_to_a_patient_unless_its_keys_are_turned_off(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(dashboard.url)
    await browser_page.locator("button.shortcuts").click()
    await browser_page.keyboard.press("j")
    focused = "document.activeElement.textContent"
    assert await browser_page.evaluate(focused) != "p-worse"
    await browser_page.locator("button.shortcuts").click()

    for key in ("j", "j", "k"):
        await browser_page.keyboard.press(key)

    assert await browser_page.evaluate(focused) == "p-worse"
    await browser_page.keyboard.press("Enter")
    await browser_page.wait_for_url("**/patients/p-worse")
    await browser_page.keyboard.press("/")
    assert await browser_page.evaluate("document.activeElement.name") == "identifier"


def test_the_file_has_its_columns_although_nobody_matches(dashboard: Dashboard) -> None:
    """A program that reads it each day fails on an empty file."""
    everybody, nobody = (
        httpx.get(f"{dashboard.url}/worklist.csv", params=params).text.splitlines()
        for params in ({}, {"group": "arm=none"})
    )

    assert nobody == everybody[:1]
    assert nobody[0].startswith("patient_key,")


def test_the_file_has_the_rows_of_the_page(dashboard: Dashboard) -> None:
    answer = httpx.get(f"{dashboard.url}/worklist.csv", params={"verdict": "worse"})

    (row,) = csv.DictReader(answer.text.splitlines())
    assert row["patient_key"] == "p-worse"
    assert row["films"] == "4"
    assert float(row["extent_low"]) < float(row["extent_level"]) < float(row["extent_high"])


def test_a_row_says_what_is_unusual_about_the_last_film(dashboard: Dashboard) -> None:
    page = httpx.get(dashboard.url).text
    flags = csv.DictReader(httpx.get(f"{dashboard.url}/worklist.csv").text.splitlines())

    assert page.count("last film out of distribution") == 1
    assert page.count("last film processed unlike the training films") == 1
    unlike = {row["patient_key"]: row["latest_unlike_processing"] for row in flags}
    assert {patient for patient, flag in unlike.items() if flag == "True"} == {"p-single"}


async def test_an_identifier_leads_to_its_patient_and_is_in_no_address(
    dashboard: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(dashboard.url)
    asked: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))

    await browser_page.get_by_label("The hospital's identifier").fill(dashboard.identifier)
    await browser_page.keyboard.press("Enter")

    key = dashboard.resources.pseudonym(PatientId(dashboard.identifier))
    await browser_page.wait_for_url(f"**/patients/{key}")
    assert not any("4711" in url for url in asked)
    assert "4711" not in await browser_page.content()


def test_an_unknown_identifier_is_not_quoted(dashboard: Dashboard) -> None:
    answer = httpx.post(
        f"{dashboard.url}/search",
        data={"identifier": "nobody 0815"},
        headers={"Origin": dashboard.url},
    )

    assert answer.status_code == 404
    assert "0815" not in answer.text


def test_a_search_keeps_the_model_version_and_leads_on_where_it_found_nobody(
    dashboard: Dashboard,
) -> None:
    (chosen,) = set(re.findall(r'model=(v2[^"&]*)"', httpx.get(dashboard.url).text))
    page = httpx.get(dashboard.url, params={"model": chosen}).text
    assert f'name="model" value="{chosen}"' in page

    def search(identifier: str) -> httpx.Response:
        fields = {"identifier": identifier, "model": chosen}
        return httpx.post(f"{dashboard.url}/search", data=fields, headers={"Origin": dashboard.url})

    assert search(ELSEWHERE).headers["location"] == f"/patients/{ELSEWHERE}?model={chosen}"
    links = re.findall(r'href="([^"]*\?model=[^"]*)"', search("nobody").text)
    assert len(links) == 2
    for link in links:
        assert httpx.get(f"{dashboard.url}{link}").status_code == 200


@pytest.mark.parametrize("query", ["verdict=ill", "days=-1", "after=nowhere", "view=lateral"])
def test_an_address_with_an_unknown_choice_says_so(dashboard: Dashboard, query: str) -> None:
    assert httpx.get(f"{dashboard.url}/?{query}").status_code == 400
