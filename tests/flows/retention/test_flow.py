"""Retention at a real Prefect server: what goes, and what stays."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from flows.orchestration.naming import TAG
from flows.resources import Resources, using


@pytest.fixture
def client(prefect: None):
    from prefect import get_client

    with get_client(sync_client=True) as client:
        yield client


def test_runs_of_ours_that_are_old_go_with_all_that_is_in_them_and_others_stay(
    client, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import flow, tags
    from prefect.artifacts import create_markdown_artifact
    from prefect.client.schemas.filters import (
        ArtifactFilter,
        ArtifactFilterKey,
        FlowFilter,
        FlowFilterName,
    )
    from prefect.context import TagsContext

    from flows.retention import prefect_runs

    @flow(name="retained-inside")
    def inside() -> None:
        create_markdown_artifact("counts", key="retained")

    @flow(name="retained")
    def job() -> None:
        inside()
        with TagsContext():
            inside()
            inside()

    def ids() -> set[UUID]:
        names = FlowFilterName(any_=["retained", "retained-inside"])
        return {run.id for run in client.read_flow_runs(flow_filter=FlowFilter(name=names))}

    job()
    theirs = ids()
    with tags(TAG):
        job()
    monkeypatch.setattr(prefect_runs, "_AT_ONCE", 2)

    assert asyncio.run(prefect_runs.delete_old_runs(timedelta(days=1))) == 0
    assert asyncio.run(prefect_runs.delete_old_runs(timedelta(0))) >= 1

    assert ids() == theirs
    kept = client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["retained"]))
    )
    assert len(kept) == 3
    assert {artifact.flow_run_id for artifact in kept} <= theirs


def test_retention_counts_what_it_deleted(prefect: None, resources: Resources) -> None:
    from flows.retention.flow import delete_what_expired

    with using(resources):
        counts = asyncio.run(delete_what_expired())

    assert counts["lookups"] == 0
    assert "prefect_runs" in counts
