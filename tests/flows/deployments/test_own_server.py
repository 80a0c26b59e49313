"""Prefect's page of the service, in a browser, and how long its database keeps runs."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.deployments.own_server import own_server, stored_credentials
from flows.settings import Settings
from tests.builders.services import PATIENCE_SECONDS, Service, until
from tests.builders.small_images import write_inbox

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def page() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        yield page
        browser.close()


@pytest.mark.long
def test_a_person_opens_a_pass_and_its_balance_with_the_password_alone(
    service: Service, page: Any
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
    page.get_by_role("link", name="pass-inbox").get_by_text("3 seen = 3 accepted").wait_for()

    page.screenshot(path=str(service.home.with_name("page.png")))
    text = page.inner_text("body")
    assert "Upgrade" not in text
    assert all(url.startswith((service.url, "data:", "blob:")) for url in answers)
    assert service.end() == 0


OF_RUNS = ("flow_run", "flow_run_state", "task_run", "log", "artifact", "artifact_collection")
LAST_EVENT = "events WHERE event = 'prefect.flow-run.Completed'"
OLD_EVENTS = tuple(
    f"{table} WHERE occurred < '2021-01-01'" for table in ("events", "event_resources")
)


@pytest.mark.long
def test_runs_older_than_is_set_are_deleted_with_all_that_belongs_to_them(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_inbox(service.inbox, images=3)
    folder = service.home / "prefect"
    file = folder / "prefect.db"
    for name, value in {
        "PREFECT_HOME": str(folder),
        # Each hour, and each day, otherwise.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "2",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ORPHAN_CLEANUP_LOOP_SECONDS": "2",
    }.items():
        monkeypatch.setenv(name, value)
    with own_server(folder, Settings(prefect_days=1, prefect_port=service.port)) as address:
        service.settings |= address.variables | {"PREFECT_LOGGING_LEVEL": "INFO"}
        service.command = "run"
        service.start()
        assert service.process.wait(timeout=PATIENCE_SECONDS) == 0, service.log
        until(
            lambda: all(_count(file, rows) for rows in (*OF_RUNS, LAST_EVENT)),
            lambda: str({rows: _count(file, rows) for rows in (*OF_RUNS, LAST_EVENT)}),
        )

        _let_six_years_pass(file)

        until(lambda: not any(_count(file, rows) for rows in (*OF_RUNS, *OLD_EVENTS)))


def test_a_password_file_that_a_kill_left_empty_is_made_anew_and_then_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    (tmp_path / "password").touch()

    made = stored_credentials(tmp_path / "password")

    assert made
    assert stored_credentials(tmp_path / "password") == made
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [
        ("password", 0o600)
    ]


def _let_six_years_pass(file: Path) -> None:
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS)) as database:
        database.execute("UPDATE flow_run SET end_time = '2020-11-26'")
        for table in ("events", "event_resources"):
            database.execute(f"UPDATE {table} SET occurred = '2020-11-26'")  # noqa: S608
        database.commit()


def _count(file: Path, rows: str) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        (count,) = database.execute(f"SELECT count(*) FROM {rows}").fetchone()  # noqa: S608
    return int(count)
