"""Films beside each other: only where the site allows it, and only what is still there."""

import asyncio
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.async_api import Page

from db.engine import Database
from flows.dashboard import server
from flows.dashboard.app import create_app
from flows.dashboard.films.turns import MOST_WAITING
from flows.dashboard.security.guard import Guard
from flows.resources import Progress, Resources
from tests.builders.archive import Film
from tests.builders.course_archive import DAY_ZERO, CourseArchive
from tests.builders.dashboards import HOME, Dashboard, sideways, violations
from tests.builders.small_images import write_image, write_sidecar


@pytest.fixture
def showing(database: Database, resources: Resources, tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard that shows films, of a patient with two: one of them is gone."""
    inbox = tmp_path / "inbox"
    archive = CourseArchive(database, str(inbox))
    for number, name in enumerate(("there.png", "gone.png")):
        write_image(inbox / name, seed=number)
        content = (inbox / name).read_bytes()
        archive.add(Film(name, key=name, at=DAY_ZERO.replace(day=2 + number), content=content))
    write_sidecar(inbox, [{"filename": "there.png", "patient_id": "1", "view": "PA"}])
    (inbox / "gone.png").unlink()
    settings = resources.settings.model_copy(
        update={"dashboard_films": True, "dashboard_port": 0, "model": "v1"}
    )
    own = Resources(settings, Progress())
    with server.serving(own) as address:
        yield Dashboard(address, own, archive, "1")
    own.read_database().dispose()


async def test_a_film_is_shown_beside_one_that_says_it_is_gone(
    showing: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{showing.url}/patients/p-1")
    await browser_page.locator(".pictures .gone").wait_for()

    shown = browser_page.locator(".pictures img")
    assert await shown.count() == 1
    assert await shown.evaluate("image => image.naturalWidth") == 128
    assert "2020-03-02" in (await shown.get_attribute("alt") or "")
    assert await violations(browser_page) == []
    assert await sideways(browser_page) == 0


def test_a_film_is_shown_of_its_own_patient_alone(showing: Dashboard) -> None:
    image = showing.archive.image(next(iter(showing.archive.films.values())))
    own = httpx.get(f"{showing.url}/patients/p-1/films/{image}/film.png")

    assert Image.open(BytesIO(own.content)).size == (128, 128)
    assert own.headers["Cache-Control"] == "no-store"
    other = httpx.get(f"{showing.url}/patients/p-2/films/{image}/film.png")
    assert other.status_code == 404


def test_no_film_is_shown_unless_the_site_allows_it(dashboard: Dashboard) -> None:
    image = dashboard.archive.image(next(iter(dashboard.archive.films.values())))
    page = httpx.get(f"{dashboard.url}/patients/p-worse").text

    assert "film.png" not in page
    answer = httpx.get(f"{dashboard.url}/patients/p-worse/films/{image}/film.png")
    assert answer.status_code == 404


async def test_other_pages_answer_while_many_wait_for_pictures(showing: Dashboard) -> None:
    """More than there are threads; those who wait hold no connection, and not all may."""
    image = showing.archive.image(next(iter(showing.archive.films.values())))
    app = create_app(showing.resources)
    transport = httpx.ASGITransport(Guard(app, app.state.access))
    place, count = f"/patients/p-1/films/{image}", 20
    async with (
        httpx.AsyncClient(transport=transport, base_url=HOME) as client,
        asyncio.TaskGroup() as group,
        app.state.film_turns.turn(),  # of a film that takes long
    ):
        asked = [
            group.create_task(client.get(f"{place}/{name}.png"))
            for name in ("film", "saliency")
            for _ in range((MOST_WAITING + count) // 2)
        ]
        answered = asyncio.as_completed(asked)
        refused = [await each for _, each in zip(range(count), answered, strict=False)]
        assert (await client.get("/")).status_code == 200
        assert showing.resources.read_database().engine.pool.checkedout() == 0
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    statuses = [each.result().status_code for each in asked]
    assert (statuses.count(503), 200 in statuses) == (count, True)


@pytest.mark.parametrize("image", ["0", "-1", str(2**63), "9" * 20, "one"])
def test_what_is_no_number_of_an_image_is_refused(showing: Dashboard, image: str) -> None:
    answer = httpx.get(f"{showing.url}/patients/p-1/films/{image}/film.png")
    assert answer.status_code == 400
