"""Rescoring with real PostgreSQL, real Prefect and real models."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from db.ledger.presence import start_run
from db.rescoring import progress
from db.rescoring.progress import Rescoring
from db.rescoring.requests import Selection
from flows.errors import InboxError
from flows.rescoring.requesting import request
from flows.rescoring.working import enlist, of_request, open_now, run_of, work_on_requests
from flows.resources import Resources
from flows.scoring.batch import score_batches
from tests.builders.archive import Archive, Film
from tests.builders.commands import environment, prefect_of_the_session
from tests.builders.settings import SECRET
from tests.builders.small_images import write_inbox

SCORES = """
    SELECT name, count(*), count(DISTINCT image_id)
    FROM score JOIN model_version ON model_version.id = model_version_id GROUP BY name ORDER BY name
"""


def by_former_model(resources: Resources) -> Resources:
    settings = resources.settings.model_copy(update={"model": "compact-1"})
    return replace(resources, settings=settings)


def scores(resources: Resources) -> list[tuple[object, ...]]:
    with resources.open_database().transaction() as session:
        return [tuple(row) for row in session.execute(text(SCORES))]


def told(resources: Resources) -> list[Rescoring]:
    with resources.open_database().transaction() as session:
        return progress.rescorings(session)


@pytest.fixture
def rescorer(prefect: None, resources: Resources, tmp_path: Path) -> Callable[[], subprocess.Popen]:
    """Start the real command in a process of its own, on the test's database."""
    assert resources.settings.database_url is not None
    settings = environment(
        DATABASE_URL=resources.settings.database_url.get_secret_value(),
        SEVERITY_PSEUDONYM_KEY=SECRET,
        SEVERITY_HOME=str(tmp_path / "home"),
        SEVERITY_BATCH_SIZE="2",
        SEVERITY_DEVICE="cpu",
        **prefect_of_the_session(),
    )
    command = [sys.executable, "-m", "flows", "rescore", "run"]

    def start() -> subprocess.Popen:
        return subprocess.Popen(
            command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


def test_a_rescoring_that_is_killed_goes_on_and_scores_each_image_once(
    score, resources, rescorer, tmp_path
):
    write_inbox(tmp_path / "inbox", images=16)
    score(tmp_path / "inbox")
    (tmp_path / "inbox" / "image-0015.png").unlink()
    request(by_former_model(resources), Selection())

    process = rescorer()
    deadline = time.monotonic() + 120
    while len(scores(resources)) < 2:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 15
    process.kill()
    process.wait()
    process.stdout.close()
    (worked_on,) = asyncio.run(work_on_requests(resources))

    assert (worked_on.state, worked_on.scored, worked_on.gone) == ("done", 15, 1)
    assert scores(resources) == [("compact-1", 15, 15), ("compact-3", 16, 16)]


def test_a_source_that_cannot_be_opened_keeps_no_other_from_its_turn(score, resources, tmp_path):
    write_inbox(tmp_path / "one", images=4)
    (tmp_path / "two").mkdir()
    for image in ("image-0002.png", "image-0003.png"):
        shutil.move(tmp_path / "one" / image, tmp_path / "two" / image)
    shutil.copy(tmp_path / "one" / "metadata.csv", tmp_path / "two")
    for name in ("one", "two"):
        score(tmp_path / name)
    shutil.move(tmp_path / "one", tmp_path / "away")
    request(by_former_model(resources), Selection())

    with pytest.raises(InboxError):
        asyncio.run(work_on_requests(resources))

    assert scores(resources) == [("compact-1", 2, 2), ("compact-3", 4, 4)]
    (entry,) = told(resources)
    assert (entry.state, entry.scored, entry.waiting) == ("waiting", 2, 2)


def test_a_source_whose_path_leads_elsewhere_by_now_fails_and_ends(score, resources, tmp_path):
    """It asked for ever for images that it never claimed."""
    write_inbox(tmp_path / "inbox", images=2)
    score(tmp_path / "inbox")
    shutil.move(tmp_path / "inbox", tmp_path / "data")
    (tmp_path / "inbox").symlink_to(tmp_path / "data")
    request(by_former_model(resources), Selection())

    with pytest.raises(InboxError, match="another place"):
        asyncio.run(work_on_requests(resources))

    assert [(entry.scored, entry.waiting) for entry in told(resources)] == [(0, 2)]
    with resources.open_database().transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM source")) == 1


def test_what_is_in_flight_when_a_pass_begins_is_closed_before_the_rescoring_rests(
    score, resources, tmp_path
):
    write_inbox(tmp_path / "inbox", images=12)
    score(tmp_path / "inbox")
    request(by_former_model(resources), Selection())
    one_by_one = replace(
        resources, settings=resources.settings.model_copy(update={"batch_size": 1})
    )
    (asked,) = open_now(one_by_one)
    enlist(one_by_one, asked.id)
    ward = Archive(resources.open_database(), "/ward")
    ward.enlist(Film("new"))

    async def scored_although_a_pass_begins() -> int:
        own = of_request(asked, one_by_one)
        async with asyncio.timeout(30), run_of(asked, str(tmp_path / "inbox"), own) as run:
            batches = score_batches(run, seconds=60)
            scored = (await anext(batches)).scored
            with start_run(ward.database, ward.queue(), software="test"):
                return scored + sum([batch.scored async for batch in batches])

    scored = asyncio.run(scored_although_a_pass_begins())

    (entry,) = told(resources)
    assert (entry.scored, entry.waiting) == (scored, 12 - scored)
