"""What pages say when there is nothing to show."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page
from sqlalchemy import text

from flows.dashboard import server
from flows.dashboard.app import create_app
from flows.dashboard.security.guard import Guard
from flows.resources import Progress, Resources
from flows.settings import Settings
from tests.builders.dashboards import HOME, Dashboard, violations
from tests.builders.ports import reserved_port
from tests.builders.settings import SECRET


@contextmanager
def dashboard_on(database_url: str, home: Path) -> Iterator[str]:
    settings = Settings(
        database_url=database_url, pseudonym_key=SECRET, home=home, dashboard_port=0
    )
    with server.serving(Resources(settings, Progress())) as address:
        yield address


async def status(page: Page, url: str) -> int:
    answer = await page.request.get(url)
    return answer.status


async def test_before_the_first_score_a_page_says_how_to_begin(
    resources: Resources, browser_page: Page
) -> None:
    settings = resources.settings.model_copy(update={"dashboard_port": 0})
    with server.serving(Resources(settings, Progress(), resources.opened)) as address:
        await browser_page.goto(address)

        assert "cxr-severity demo" in await browser_page.locator("main").inner_text()
        assert await violations(browser_page) == []
        assert await status(browser_page, f"{address}/api/v1/worklist") == 404
    if resources.opened.database:
        resources.opened.database.dispose()


async def test_a_value_that_postgresql_cannot_take_is_no_reason_to_ask_again(
    dashboard: Dashboard,
) -> None:
    app = create_app(dashboard.resources)

    def far_out() -> None:
        with dashboard.resources.read_database().transaction() as session:
            session.execute(text("SELECT CAST(:number AS integer)"), {"number": str(2**40)})

    app.add_api_route("/far-out", far_out)
    transport = httpx.ASGITransport(Guard(app, app.state.access))
    async with httpx.AsyncClient(transport=transport, base_url=HOME) as client:
        answer = await client.get("/far-out")

    assert answer.status_code == 400


async def test_while_the_database_is_away_each_page_says_so(
    tmp_path: Path, browser_page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        reserved_port() as port,
        dashboard_on(f"postgresql://me:hidden@127.0.0.1:{port}/x", tmp_path) as address,
    ):
        answer = await browser_page.goto(address)

        assert answer is not None
        assert answer.status == 503
        shown = await browser_page.locator("main").inner_text()
        assert "no connection to PostgreSQL" in shown
        assert not [word for word in ("hidden", "127.0.0.1", str(port), "libpq") if word in shown]
        assert f"port {port}" in caplog.text  # whoever runs it reads why
        assert await violations(browser_page) == []
        assert await status(browser_page, f"{address}/api/v1/worklist") == 503
