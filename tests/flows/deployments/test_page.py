"""Prefect's page of the service, as a person opens it in a browser."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.builders.services import Service
from tests.builders.small_images import write_inbox

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def page() -> Iterator["playwright.Page"]:
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def test_a_person_opens_a_pass_and_its_balance_with_the_password_alone(
    service: Service, page: "playwright.Page"
) -> None:
    write_inbox(service.inbox, images=3)
    service.start("--cron", "0 0 1 1 *", "--poll-seconds", "20")
    service.await_log("3 enlisted, 3 scored, 0 rejected")
    answers: list[str] = []
    page.on("response", lambda response: answers.append(response.url))

    page.goto(service.url)
    page.locator("input[type=password]").fill(service.password)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Runs", exact=True).click()
    night = f"inbox {datetime.now(UTC):%Y-%m-%d} "
    page.get_by_role("link", name=re.compile(re.escape(night))).last.click()
    page.get_by_role("tab", name="Artifacts").click()
    artifact = page.get_by_role("link", name="pass-inbox")

    assert "3 seen = 3 scored" in artifact.inner_text()
    page.screenshot(path=str(service.home.with_name("page.png")))
    text = page.inner_text("body")
    assert "Upgrade" not in text
    assert all(url.startswith((service.url, "data:", "blob:")) for url in answers)
    assert service.end() == 0
