"""Old runs of ours at a Prefect server, which a site may share with others."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterTags,
)
from prefect.exceptions import ObjectNotFound

from flows.orchestration.naming import TAG

_AT_ONCE = 100  # Prefect returns 200 at most


async def delete_old_runs(age: timedelta) -> int:
    """Delete runs of our deployments that ended longer ago; return how many.

    With the runs inside them, their artifacts, tasks and logs. Runs of a service are deleted by its
    own server.
    """
    ended = FlowRunFilterEndTime(before_=datetime.now(UTC) - age)
    ours = FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG]), end_time=ended)
    deleted = 0
    async with get_client() as client:
        while runs := await client.read_flow_runs(flow_run_filter=ours, limit=_AT_ONCE):
            await _delete(client, [run.id for run in runs])
            deleted += len(runs)
    return deleted


async def _delete(client: PrefectClient, runs: Sequence[UUID]) -> None:
    """Delete runs, after what belongs to them."""
    inside = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=list(runs)))
    while inner := await client.read_flow_runs(flow_run_filter=inside, limit=_AT_ONCE):
        await _delete(client, [run.id for run in inner])
    of_these = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=list(runs)))
    while artifacts := await client.read_artifacts(artifact_filter=of_these, limit=_AT_ONCE):
        for artifact in artifacts:
            await client.delete_artifact(artifact.id)
    await asyncio.gather(*(_delete_run(client, run) for run in runs))


async def _delete_run(client: PrefectClient, run: UUID) -> None:
    with suppress(ObjectNotFound):  # it lay in another that was deleted, or another deletes too
        await client.delete_flow_run(run)
