"""Films beside each other: only where the site allows it, and only what is still there."""

import asyncio
import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from shutil import copy

import httpx
import pytest
from PIL import Image
from playwright.async_api import Page, Route

from db.engine import Database
from flows.dashboard import server
from flows.dashboard.app import create_app
from flows.dashboard.films import turns
from flows.dashboard.films.turns import MOST_WAITING
from flows.dashboard.routes import films_shown
from flows.dashboard.security.guard import Guard
from flows.dashboard.texts import texts
from flows.resources import Progress, Resources
from severity.domain import PatientId
from tests.builders.archive import Film
from tests.builders.course_archive import DAY_ZERO, CourseArchive
from tests.builders.dashboards import HOME, Dashboard, sideways, violations
from tests.builders.small_images import write_image, write_inbox, write_sidecar

WIDTH = "image => image.decode().then(() => image.naturalWidth)"


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
    assert await shown.evaluate(WIDTH) == 128
    assert "2020-03-02" in (await shown.get_attribute("alt") or "")
    assert await violations(browser_page) == []
    assert await sideways(browser_page) == 0


def test_a_film_is_shown_whatever_became_of_its_sidecar(showing: Dashboard, tmp_path: Path) -> None:
    """It stays in the source when the film is archived, or goes; whose the film is is known."""
    showing.archive.move_scored(str(tmp_path / "done"))
    (tmp_path / "done").mkdir()
    (tmp_path / "inbox/there.png").rename(tmp_path / "done/there.png")
    image = showing.archive.image(Film("there.png", uid="1.there.png"))

    answer = httpx.get(f"{showing.url}/patients/p-1/films/{image}/film.png")

    assert answer.headers["content-type"] == "image/png"


async def test_a_film_whose_turn_did_not_come_is_asked_for_again_and_not_called_gone(
    showing: Dashboard, browser_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = browser_page.locator(".pictures .gone")
    with monkeypatch.context() as busy:
        busy.setattr(turns, "MOST_WAITING", 0)
        busy.setattr(films_shown, "RETRY_SECONDS", 1)
        await browser_page.goto(f"{showing.url}/patients/p-1")
        await notes.nth(1).wait_for()
        assert set(await notes.all_text_contents()) == {texts().patient.busy}

    await notes.get_by_text(texts().patient.gone).wait_for()
    await browser_page.locator(".pictures img").wait_for()
    assert await notes.count() == 1


async def test_a_film_in_whose_place_a_page_comes_is_not_asked_for_for_ever(
    showing: Dashboard, browser_page: Page
) -> None:
    """As where the session of whoever looks has ended."""
    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=200, content_type="text/html", body="Sign in")

    await browser_page.route("**/film.png", answer)
    await browser_page.goto(f"{showing.url}/patients/p-1")
    await browser_page.locator(".pictures .gone", has_text=texts().patient.gone).nth(1).wait_for()

    assert len(asked) <= 4 * 2  # of either film an image and what it answers, twice


@pytest.fixture
def shown(
    score: Callable[[Path], object], resources: Resources, tmp_path: Path
) -> Iterator[Callable[[], Dashboard]]:
    """Score an inbox by the model that is set, and show its films."""
    inbox = tmp_path / "inbox"
    settings = {"dashboard_films": True, "dashboard_port": 0, "inbox": str(inbox)}
    own = Resources(resources.settings.model_copy(update=settings), Progress())
    with ExitStack() as stack:

        def shown() -> Dashboard:
            score(inbox)
            address = stack.enter_context(server.serving(own))
            return Dashboard(address, own, CourseArchive(resources.open_database()), "2")

        yield shown
    own.read_database().dispose()


@pytest.fixture
def small(shown: Callable[[], Dashboard], tmp_path: Path) -> Dashboard:
    """A dashboard of one small film."""
    pytest.importorskip("torch")
    write_inbox(tmp_path / "inbox", images=1)
    return shown()


@pytest.fixture
def real(shown: Callable[[], Dashboard], cidc: Path, tmp_path: Path) -> Dashboard:
    """A dashboard of six radiographs of two patients."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with (cidc / "metadata.csv").open() as file:
        films = [film for film in csv.DictReader(file) if film["patientid"] in {"2", "4"}]
    for film in films:
        copy(cidc / "images" / film["filename"], inbox)
    write_sidecar(
        inbox,
        [
            {
                "filename": film["filename"],
                "patient_id": film["patientid"],
                "acquired_at": f"2020-03-{1 + int(film['offset']):02}",
                "view": film["view"],
            }
            for film in films
        ],
    )
    return shown()


async def test_every_page_shows_real_films(real: Dashboard, browser_page: Page) -> None:
    patient = real.resources.pseudonym(PatientId("2"))
    places = (
        "/",
        f"/patients/{patient}",
        "/cohort",
        "/operations",
        "/operations/rejected",
        "/about",
    )
    for place in places:
        answer = await browser_page.goto(f"{real.url}{place}")
        assert answer is not None
        assert answer.status == 200, place
        assert await violations(browser_page) == [], place

    await browser_page.goto(f"{real.url}/patients/{patient}")
    pictures = browser_page.locator(".pictures img")
    for number in range(4):
        picture = pictures.nth(number)
        await picture.scroll_into_view_if_needed()
        assert await picture.evaluate(WIDTH) > 128
    assert await browser_page.locator("table.films tbody tr").count() == 4
    assert await browser_page.locator("#course .film").count() == 4


async def test_a_saliency_map_takes_the_place_of_its_film_until_it_is_clicked_again(
    small: Dashboard, browser_page: Page
) -> None:
    await browser_page.goto(f"{small.url}/patients/{small.resources.pseudonym(PatientId('P0'))}")
    picture = browser_page.locator(".pictures img")

    async def is_shown(name: str) -> None:
        await browser_page.locator(f".pictures img[src*='{name}']:not(.busy)").wait_for()
        assert await picture.evaluate(WIDTH) > 0

    await is_shown("film.png")
    for name in ("saliency.png", "film.png"):
        await browser_page.locator("a.saliency").click()
        await is_shown(name)


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
