"""What survives kill -9, and two workers at once: each image is scored exactly once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.resources import Resources
from tests.builders.commands import environment, prefect_of_the_session
from tests.builders.settings import SECRET
from tests.builders.small_images import write_inbox

IMAGES = 24
PATIENCE_SECONDS = 120


@pytest.fixture
def worker(
    prefect: None, resources: Resources, tmp_path: Path
) -> Callable[[Path], subprocess.Popen]:
    """Start the real command in a process of its own, on the test's database."""
    assert resources.settings.database_url is not None
    settings = environment(
        DATABASE_URL=resources.settings.database_url.get_secret_value(),
        SEVERITY_PSEUDONYM_KEY=SECRET,
        SEVERITY_HOME=str(tmp_path / "home"),
        SEVERITY_SETTLE_SECONDS="0",
        SEVERITY_BATCH_SIZE="2",
        **prefect_of_the_session(),
    )
    command = [sys.executable, "-m", "flows", "run", "--inbox"]

    def start(inbox: Path) -> subprocess.Popen:
        return subprocess.Popen(
            [*command, str(inbox)],
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def count(resources: Resources, table: str) -> int:
    with resources.open_database().transaction() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608


def await_scores(resources: Resources, least: int, worker: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while count(resources, "score") < least:
        assert worker.poll() is None, worker.communicate()[0]
        assert time.monotonic() < deadline, "the worker is too slow"
        time.sleep(0.01)


def scores(resources: Resources) -> list[tuple[object, ...]]:
    query = """
        SELECT patient_key, image_uid, acquired_at, geographic_extent, opacity
        FROM score JOIN image ON image.id = image_id JOIN study ON study.id = study_id
        JOIN patient ON patient.id = patient_id
        ORDER BY image_uid
    """
    with resources.open_database().transaction() as session:
        return [tuple(row) for row in session.execute(text(query))]


def finish(worker: subprocess.Popen) -> None:
    output, _ = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 0, output


def test_killing_the_worker_loses_nothing_and_scores_nothing_twice(
    worker, score, resources, tmp_path
):
    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=IMAGES)
    for least in (1, 9):
        victim = worker(inbox)
        await_scores(resources, least, victim)
        os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
        assert count(resources, "score") < IMAGES, "it was killed too late to prove anything"

    score(inbox)

    disturbed = scores(resources)
    assert len({image_uid for _, image_uid, *_ in disturbed}) == len(disturbed) == IMAGES
    assert count(resources, "work") == 0
    assert count(resources, "run WHERE state = 'abandoned'") == 2

    with resources.open_database().transaction() as session:
        session.execute(
            text(
                "TRUNCATE score, image, study, patient, course, patient_summary, object, wanted, "
                "tally CASCADE"
            )
        )
    score(inbox)
    assert [row[:3] for row in scores(resources)] == [row[:3] for row in disturbed]
    for once, again in zip(scores(resources), disturbed, strict=True):
        # Batches of another size round the last bits of a float otherwise.
        assert once[3:] == pytest.approx(again[3:], abs=1e-4)


def test_two_workers_share_the_work_and_score_each_image_once(worker, resources, tmp_path):
    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=IMAGES)

    workers = [worker(inbox), worker(inbox)]
    for process in workers:
        finish(process)

    assert (count(resources, "score"), count(resources, "work")) == (IMAGES, 0)
    assert count(resources, "run WHERE state = 'finished'") == 2
