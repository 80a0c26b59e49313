"""The main job, with real PostgreSQL, real Prefect and the real model."""

import asyncio
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from sqlalchemy import text

from db import stage_times
from db.drift import nightly_sums
from db.reading import trends
from db.reading.site import balances
from flows.orchestration.naming import TAG
from flows.resources import Progress, Resources
from flows.scoring.enlisting import enlist
from flows.scoring.run import under_way
from severity.domain import Measure, MeasurementErrors, OutOfDistribution, PatientId
from tests.builders.small_images import write_image, write_inbox, write_sidecar


def rows(resources: Resources) -> list[tuple[object, ...]]:
    """Every score with what identifies it, in a fixed order."""
    query = text(
        """
        SELECT patient_key, image_uid, acquired_at, view, geographic_extent, opacity
        FROM score JOIN image ON image.id = image_id JOIN study ON study.id = study_id
        JOIN patient ON patient.id = patient_id
        ORDER BY patient_key, image_uid
        """
    )
    with resources.open_database().transaction() as session:
        return [tuple(row) for row in session.execute(query)]


def fates(resources: Resources, inbox: Path) -> dict[str, str]:
    with resources.open_database().transaction() as session:
        table = balances.fates(session, str(inbox), resources.load_model().version.key)
    return {key: fate for key, fate, _ in table}


def test_a_second_run_scores_nothing_twice(score, resources, tmp_path):
    write_inbox(tmp_path / "inbox", images=5)
    score(tmp_path / "inbox")
    first = rows(resources)

    again = score(tmp_path / "inbox")

    assert (again.enlisted, again.scored, again.rejected) == (0, 0, 0)
    assert rows(resources) == first
    assert len(first) == 5


def test_the_first_pass_of_a_day_deletes_what_expired(score, resources, tmp_path):
    (tmp_path / "inbox").mkdir()
    left = resources.settings.home / ".pseudonym.key.killed"
    present = []
    for _ in range(2):
        left.parent.mkdir(exist_ok=True)
        left.touch()
        os.utime(left, (0, 0))
        score(tmp_path / "inbox")
        present.append(left.exists())

    assert present == [False, True]


def test_whatever_goes_wrong_while_old_things_are_deleted_costs_no_score(
    score, tmp_path, monkeypatch, caplog
):
    def broken(resources: Resources) -> None:
        raise OverflowError("date value out of range")

    write_inbox(tmp_path / "inbox", images=1)
    monkeypatch.setattr("flows.scoring.flow.apply_retention_daily", broken)

    assert score(tmp_path / "inbox").scored == 1
    assert "retention failed" in caplog.text


def test_a_pass_counts_its_films_for_the_charts_of_drift(score, resources, tmp_path):
    write_inbox(tmp_path / "inbox", images=5)

    summary = score(tmp_path / "inbox")

    with resources.open_database().transaction() as session:
        sums = nightly_sums(session, summary.model_version)
        assert session.scalar(text("SELECT count(*) FROM drift_due")) == 0
    assert sum(entry.films for entry in sums if entry.measure is Measure.DISTANCE) == 5


def test_a_trend_lists_a_patients_images_by_date(score, resources, tmp_path):
    write_inbox(tmp_path / "inbox", images=6, patients=2)
    summary = score(tmp_path / "inbox")

    with resources.open_database().transaction() as session:
        trend = trends.trend(session, resources.pseudonym(PatientId("P1")), summary.model_version)

    assert [f"{observation.acquired_at:%m-%d}" for observation in trend.observations] == [
        "03-01",
        "03-02",
        "03-03",
    ]
    first, _, last = trend.observations
    assert last.extent_from_baseline == pytest.approx(
        last.geographic_extent - first.geographic_extent
    )
    assert last.days_since_baseline == 2


def test_an_image_waits_for_its_sidecar_record(score, resources, tmp_path):
    write_image(tmp_path / "inbox/late.png", seed=1)
    assert score(tmp_path / "inbox").balance.rejected == 1

    write_sidecar(tmp_path / "inbox", [{"filename": "late.png", "patient_id": "P1"}])
    summary = score(tmp_path / "inbox")

    assert (summary.balance.seen, summary.scored) == (1, 1)
    assert summary.balance.holds


def test_the_same_image_of_two_patients_is_a_conflict(score, resources, tmp_path):
    inbox = tmp_path / "inbox"
    write_image(inbox / "a.png", seed=1)
    shutil.copy(inbox / "a.png", inbox / "b.png")
    write_sidecar(
        inbox,
        [
            {"filename": "a.png", "patient_id": "P1", "offset_days": "0"},
            {"filename": "b.png", "patient_id": "P2", "offset_days": "0"},
        ],
    )

    score(inbox)

    assert fates(resources, inbox) == {"a.png": "scored", "b.png": "patient_conflict"}


def test_an_image_without_a_time_is_scored_but_not_in_the_trend(score, resources, tmp_path):
    inbox = tmp_path / "inbox"
    write_image(inbox / "a.png", seed=1)
    write_sidecar(inbox, [{"filename": "a.png", "patient_id": "P1"}])
    summary = score(inbox)

    with resources.open_database().transaction() as session:
        trend = trends.trend(session, resources.pseudonym(PatientId("P1")), summary.model_version)

    assert (trend.observations, trend.undated) == ((), 1)


def test_an_image_that_was_replaced_before_it_was_scored_is_not_mixed_up(
    score, resources, tmp_path
):
    """The ledger knows contents: the old one is gone, the new one is another."""
    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=1)

    async def enlist_all() -> None:
        async with under_way(str(inbox), resources) as run:
            await enlist(run)

    asyncio.run(enlist_all())
    write_image(inbox / "image-0000.png", seed=99)

    summary = score(inbox)

    balance = summary.balance
    assert (balance.seen, balance.accepted, balance.rejected) == (2, 1, 1)
    assert (summary.scored, balance.holds, summary.needs_attention) == (1, True, False)


def test_nothing_that_names_a_patient_reaches_a_log_or_prefect(score, resources, tmp_path, caplog):
    """By a name of its own: Prefect's server is one for all tests of the session."""
    inbox = tmp_path / "private"
    write_image(inbox / "QUILLER_ADA.png", seed=1)
    write_image(inbox / "broken-QUILLER.png", seed=2)
    (inbox / "broken-QUILLER.png").write_bytes((inbox / "broken-QUILLER.png").read_bytes()[:500])
    write_sidecar(
        inbox,
        [
            {"filename": name, "patient_id": "MRN-47110815", "acquired_at": "2020-03-01"}
            for name in ("QUILLER_ADA.png", "broken-QUILLER.png")
        ],
    )

    with caplog.at_level(logging.DEBUG):
        score(inbox)
        stored = asyncio.run(_what_prefect_stored_last())

    for stored_text in (caplog.text, stored):
        assert "QUILLER" not in stored_text
        assert "47110815" not in stored_text
        assert resources.pseudonym(PatientId("MRN-47110815")) not in stored_text
    assert "pass-private" in stored


def test_the_study_of_a_file_without_uids_is_derived_with_the_site_s_secret(
    score, resources, tmp_path
):
    write_inbox(tmp_path / "inbox", images=1)

    score(tmp_path / "inbox")

    with resources.open_database().transaction() as session:
        stored = session.scalar(text("SELECT study_uid FROM study"))
    assert stored == resources.derived_uids("any").study_uid(PatientId("P0"), "2020-03-01")


def test_the_run_inside_a_pass_is_marked_as_ours_at_a_server_of_several_programs(score, tmp_path):
    write_inbox(tmp_path / "inbox", images=1)

    score(tmp_path / "inbox")

    last = asyncio.run(_last_runs("score-waiting"))[0]
    assert (last.parent_task_run_id is not None, last.tags) == (True, [TAG])


async def _last_runs(flow_name: str) -> list[Any]:
    from prefect import get_client
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName
    from prefect.client.schemas.sorting import FlowRunSort

    ours = FlowFilter(name=FlowFilterName(any_=[flow_name]))
    async with get_client() as client:
        return await client.read_flow_runs(flow_filter=ours, sort=FlowRunSort.START_TIME_DESC)


async def _what_prefect_stored_last() -> str:
    """Of the whole session: a client reads 200 of each kind at most."""
    from prefect import get_client
    from prefect.client.schemas import sorting

    async with get_client() as client:
        flow_runs = await client.read_flow_runs(sort=sorting.FlowRunSort.START_TIME_DESC)
        task_runs = await client.read_task_runs(sort=sorting.TaskRunSort.EXPECTED_START_TIME_DESC)
        artifacts = await client.read_artifacts(sort=sorting.ArtifactSort.CREATED_DESC)
        logs = await client.read_logs(sort=sorting.LogSort.TIMESTAMP_DESC)
    return str([*flow_runs, *task_runs, *artifacts, *logs])


def test_a_run_counts_what_is_out_of_distribution_and_stores_why(score, resources, tmp_path):
    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=3, patients=1)
    for image in inbox.glob("*.png"):
        ImageOps.invert(Image.open(image)).save(image)

    summary = score(inbox)

    assert (summary.scored, summary.out_of_distribution) == (3, 3)
    assert summary.balance.of(summary.model_version).out_of_distribution == 3
    assert summary.other_versions == ()
    patient = resources.pseudonym(PatientId("P0"))
    with resources.open_database().transaction() as session:
        trend = trends.trend(session, patient, summary.model_version)
    assert [observation.out_of_distribution for observation in trend.observations] == [
        OutOfDistribution.INVERTED
    ] * 3


def test_a_run_stores_the_intervals_and_errors_of_a_calibrated_model(score, resources, tmp_path):
    write_inbox(tmp_path / "inbox", images=3, patients=1)

    summary = score(tmp_path / "inbox")

    patient = resources.pseudonym(PatientId("P0"))
    with resources.open_database().transaction() as session:
        trend = trends.trend(session, patient, summary.model_version)
    for observation in trend.observations:
        assert (
            observation.extent_interval.low
            <= observation.geographic_extent
            <= observation.extent_interval.high
        )
    calibration = resources.load_model().calibration
    assert trend.errors == MeasurementErrors(
        calibration.geographic_extent.error, calibration.opacity.error
    )


def test_a_run_names_the_other_versions_that_scored_the_same_database(score, resources, tmp_path):
    write_inbox(tmp_path / "inbox", images=2)
    older = Resources(resources.settings.model_copy(update={"model": "compact-1"}), Progress())
    first = score(tmp_path / "inbox", older)

    second = score(tmp_path / "inbox")

    assert first.other_versions == ()
    assert second.other_versions == (first.model_version,)
    assert (second.scored, second.out_of_distribution) == (2, 0)


def test_another_model_scores_what_was_judged_before_and_judges_nothing_again(
    score, resources, tmp_path
):
    """Neither a rejection nor a time depends on the model."""
    inbox = tmp_path / "inbox"
    write_inbox(inbox, images=2)
    (inbox / "notes.txt").write_text("no image")
    first = score(inbox)
    elsewhere = {"model": "compact-1", "timezone": "Asia/Tokyo"}
    other = Resources(resources.settings.model_copy(update=elsewhere), Progress())

    second = score(inbox, other)

    assert (second.enlisted, second.scored, second.rejected) == (2, 2, 0)
    assert (second.balance.accepted, second.balance.rejected) == (2, 1)
    assert second.balance.holds
    assert {version.model_version for version in second.balance.versions} == {
        first.model_version,
        second.model_version,
    }
    assert second.read_in_zone == "UTC"


def test_a_pass_tells_where_its_time_went_and_logs_its_batches(score, resources, tmp_path):
    logging_too = resources.settings.model_copy(update={"event_log": True})
    write_inbox(tmp_path / "inbox", images=3)

    score(tmp_path / "inbox", Resources(logging_too, Progress()))

    with resources.open_database().transaction() as session:
        stages = session.execute(text("SELECT stage, images, seconds > 0 FROM stage_time")).all()
    assert sorted(stages) == [(stage, 3, True) for stage in sorted(stage_times.STAGES)]
    log = logging_too.home / "log" / "events.jsonl"
    *batches, run = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(batch["scored"] for batch in batches) == run["scored"] == 3
    assert (run["state"], run["enlisted"]) == ("finished", 3)
    assert "image" not in log.read_text()  # as all names of files begin


def test_the_tasks_of_a_run_are_minutes_of_work_however_many_images_it_scores(
    score, resources, tmp_path
):
    write_inbox(tmp_path / "inbox", images=24)
    site = {"batch_size": 1, "dashboard_url": "https://site.example/"}
    before = {task.id for task in asyncio.run(_latest_tasks())}

    score(tmp_path / "inbox", Resources(resources.settings.model_copy(update=site), Progress()))

    names = [task.name for task in asyncio.run(_latest_tasks()) if task.id not in before]
    assert [name for name in names if name.startswith("share")] == ["share 1"]
    assert len(names) <= 6


def test_a_run_leaves_its_counts_its_progress_and_a_link_to_the_dashboard(
    score, resources, tmp_path
):
    write_inbox(tmp_path / "artifacts", images=2)
    site = {"dashboard_url": "https://site.example/"}

    score(tmp_path / "artifacts", Resources(resources.settings.model_copy(update=site), Progress()))

    left = {artifact.key: artifact for artifact in asyncio.run(_artifacts("pass-artifacts%"))}
    assert left["pass-artifacts-progress"].data == 100
    assert "| scored | 2 |" in left["pass-artifacts"].data
    assert "https://site.example/operations" in left["pass-artifacts-dashboard"].data


async def _latest_tasks() -> list[object]:
    from prefect import get_client
    from prefect.client.schemas.sorting import TaskRunSort

    async with get_client() as client:
        return await client.read_task_runs(sort=TaskRunSort.EXPECTED_START_TIME_DESC)


async def _artifacts(keys: str) -> list[object]:
    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    async with get_client() as client:
        return await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(like_=keys))
        )
