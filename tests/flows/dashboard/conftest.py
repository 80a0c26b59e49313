"""One dashboard and one Chromium for the session; each test has a page of its own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from db.engine import Database
from flows.dashboard import server
from flows.dashboard.app import create_app
from flows.dashboard.security.guard import Guard
from flows.resources import Progress, Resources
from flows.settings import Settings
from severity.domain import PatientId
from tests.builders.course_archive import CourseArchive
from tests.builders.dashboards import HOME, Asking, Dashboard
from tests.builders.postgres import new_database
from tests.builders.settings import SECRET
from tests.builders.stories import tell


@pytest.fixture(scope="session")
def dashboard(
    server_url: str, migrated: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    """The dashboard of a site with the patients of `tests.builders.stories`; tests only look."""
    home = tmp_path_factory.mktemp("dashboard")
    with new_database(server_url, template=migrated) as url:
        database = Database(url)
        settings = Settings(
            database_url=url, pseudonym_key=SECRET, home=home, model="v1", dashboard_port=0
        )
        resources = Resources(settings, Progress())
        identifier = "MRN 4711"
        archive = CourseArchive(database)
        tell(archive, resources.pseudonym(PatientId(identifier)))
        with server.serving(resources) as address:
            yield Dashboard(address, resources, archive, identifier)
        resources.read_database().dispose()
        database.dispose()


@pytest.fixture
def asking(dashboard: Dashboard) -> Asking:
    """Return a client of the dashboard under these settings, at an address of its own."""

    def asking(address: str = "127.0.0.1", **settings: object) -> httpx.AsyncClient:
        given = {f"dashboard_{name}": value for name, value in settings.items()}
        own = type(dashboard.resources.settings).model_validate(
            dashboard.resources.settings.model_dump() | given
        )
        app = create_app(replace(dashboard.resources, settings=own))
        transport = httpx.ASGITransport(
            Guard(app, app.state.access), raise_app_exceptions=False, client=(address, 50_000)
        )
        return httpx.AsyncClient(transport=transport, base_url=HOME)

    return asking


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium; tests that need it are skipped where it is not installed."""
    named = map(shutil.which, ("chromium", "google-chrome"))  # Debian's, and that of CI's machines
    program = next(filter(None, named), None)
    if program is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    async with async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def browser_page(chromium: Browser) -> AsyncIterator[Page]:
    """A page of a browser that nobody used; whatever it complains of fails the test."""
    page = await chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # That a page or a film was answered with an error is what some tests are about.
        address = message.location["url"]
        if message.type == "error" and address != page.url and not address.endswith("film.png"):
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await page.close()
    assert complaints == []
