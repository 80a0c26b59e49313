"""Retention at a real Prefect server: what goes, and what stays."""

import asyncio
from datetime import timedelta

import pytest

from flows.orchestration.naming import TAG
from flows.resources import Resources, using


@pytest.fixture
def client(prefect: None):
    from prefect import get_client

    with get_client(sync_client=True) as client:
        yield client


def test_runs_of_ours_that_are_old_go_with_their_artifacts_and_others_stay(
    client, resources: Resources
) -> None:
    from prefect import flow, tags
    from prefect.artifacts import create_markdown_artifact
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    from flows.retention.prefect_runs import delete_old_runs

    @flow(name="retained")
    def job() -> None:
        create_markdown_artifact("counts", key="retained")

    job()
    with tags(TAG):
        job()
    runs = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["retained"])))
    (theirs,) = (run.id for run in runs if TAG not in run.tags)

    assert asyncio.run(delete_old_runs(timedelta(days=1))) == 0
    assert asyncio.run(delete_old_runs(timedelta(0))) >= 1

    left = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["retained"])))
    assert [run.id for run in left] == [theirs]
    kept = [artifact for artifact in client.read_artifacts() if artifact.key == "retained"]
    assert [artifact.flow_run_id for artifact in kept] == [theirs]


def test_retention_counts_what_it_deleted(prefect: None, resources: Resources) -> None:
    from flows.retention.flow import delete_what_expired

    with using(resources):
        counts = asyncio.run(delete_what_expired())

    assert counts["lookups"] == 0
    assert "prefect_runs" in counts
