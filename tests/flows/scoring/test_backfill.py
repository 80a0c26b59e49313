"""A backfill by two processes of a Dask cluster, with real PostgreSQL, Prefect and model."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from flows.resources import Progress, Resources
from tests.builders.settings import SECRET
from tests.builders.small_images import write_inbox

pytest.importorskip("prefect_dask")


def test_two_workers_score_each_image_once_as_runs_of_their_own(
    prefect: None, resources: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.scoring.backfill import backfill

    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=6)
    # As on a cluster: each worker has the settings of its own environment.
    environment = {
        "DATABASE_URL": resources.settings.database_url.get_secret_value(),
        "SEVERITY_PSEUDONYM_KEY": SECRET,
        "SEVERITY_HOME": str(resources.settings.home),
        "SEVERITY_INBOX": str(inbox),
        "SEVERITY_SETTLE_SECONDS": "0",
        "SEVERITY_DEVICE": "cpu",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    summary = asyncio.run(
        backfill(str(inbox), Resources(resources.settings, Progress()), cluster="", workers=2)
    )

    assert (summary.scored, summary.rejected, summary.balance.holds) == (6, 0, True)
    with resources.open_database().transaction() as session:
        scores = session.scalar(text("SELECT count(DISTINCT image_id) FROM score"))
        runs = session.scalars(
            text("SELECT CAST(state AS text) FROM run WHERE id > 1 ORDER BY id")
        ).all()
        of_the_flow = session.scalar(text("SELECT count(*) FROM score WHERE run_id = 1"))
    assert (scores, of_the_flow) == (6, 0)
    assert runs == ["finished", "finished"]
