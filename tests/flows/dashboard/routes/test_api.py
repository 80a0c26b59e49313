"""The JSON of the dashboard, as another program reads it."""

import httpx
import pytest
from playwright.async_api import Page

from tests.builders.dashboards import Dashboard, sideways, violations


def test_pages_of_the_worklist_follow_each_other_without_gap(dashboard: Dashboard) -> None:
    url = f"{dashboard.url}/api/v1/worklist"
    whole = [row["patient_key"] for row in httpx.get(url).json()["patients"]]

    paged, after = [], None
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        answer = httpx.get(url, params=query).json()
        paged += [row["patient_key"] for row in answer["patients"]]
        after = answer["next"]
        if after is None:
            break

    assert paged == whole
    assert len(whole) == 6


def test_a_course_has_what_each_lung_has(dashboard: Dashboard) -> None:
    answer = httpx.get(f"{dashboard.url}/api/v1/patients/p-better/course").json()

    first, second, *_ = (image["lungs"] for image in answer["images"])
    assert first["right"] == {"geographic_extent": 4.0, "opacity": pytest.approx(1.2)}
    assert first["left"] == {"geographic_extent": 2.0, "opacity": pytest.approx(0.8)}
    assert first["zones"]["right_lower"] == 1
    assert second is None


def test_a_course_has_scores_bands_and_verdicts(dashboard: Dashboard) -> None:
    answer = httpx.get(f"{dashboard.url}/api/v1/patients/p-worse/course").json()

    last = answer["images"][-1]
    assert [image["geographic_extent"]["points"] for image in answer["images"]] == [2, 3, 5.5, 6.5]
    assert last["geographic_extent"]["verdict"] == "worse"
    assert set(last["geographic_extent"]["level"]) == {"level", "low", "high"}
    assert answer["geographic_extent"] == {"lowest": 0, "highest": 8}
    assert "content" not in answer


def test_responses_are_by_treatment_and_day(dashboard: Dashboard) -> None:
    answer = httpx.get(f"{dashboard.url}/api/v1/patients/p-better/responses").json()

    (event,) = answer["events"]
    assert event["label"] == "dexamethasone"
    assert [response["day"] for response in event["geographic_extent"]] == [0, 1, 3, 7, 14]


def test_failures_are_json_too(dashboard: Dashboard) -> None:
    for path, status in (
        ("patients/p-nobody/course", 404),
        ("worklist?limit=0", 400),
        ("worklist?after=nowhere", 400),
        ("worklist?model=v9", 404),
        ("nothing", 404),
    ):
        answer = httpx.get(f"{dashboard.url}/api/v1/{path}")
        assert answer.status_code == status, path
        assert set(answer.json()) == {"error", "advice"}


async def test_its_page_describes_every_address(dashboard: Dashboard, browser_page: Page) -> None:
    answer = await browser_page.request.get(f"{dashboard.url}/api/v1/openapi.json")
    document = await answer.json()
    await browser_page.goto(f"{dashboard.url}/api")

    text = await browser_page.locator("main").inner_text()
    assert len(document["paths"]) >= 3
    assert all(path in text for path in document["paths"])
    assert await violations(browser_page) == []
    assert await sideways(browser_page) == 0
