"""Starting the deployment `score` before it is due, where it is deployed and has a place free."""

from datetime import UTC, datetime

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.orchestration.children import UNDER_WAY

SCORE = "score-inbox/score"
"""The deployment's full name: flow and deployment."""

_UNFINISHED = [StateType.SCHEDULED, *UNDER_WAY]


async def start_scoring() -> int:
    """Start as many runs as may score at once and do not yet; return how many that was.

    0 where `score` is not deployed, as beside `serve`.
    """
    async with get_client() as client:
        try:
            deployment = await client.read_deployment_by_name(SCORE)
        except ObjectNotFound:
            return 0
        limit = deployment.global_concurrency_limit
        most = limit.limit if limit else 1
        missing = max(most - await _count_at_work(client, deployment), 0)
        for _ in range(missing):
            await client.create_flow_run_from_deployment(deployment.id)
    return missing


async def _count_at_work(client: PrefectClient, deployment: DeploymentResponse) -> int:
    """Count the runs that are at work, or will be as soon as a worker has a place for them."""
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED))
        ),
    )
    now = datetime.now(UTC)
    return sum(not _is_later(run, now) for run in runs)


def _is_later(run: FlowRun, now: datetime) -> bool:
    """Return whether a run is planned for another time."""
    if run.state_type is not StateType.SCHEDULED or run.expected_start_time is None:
        return False
    return run.auto_scheduled and run.expected_start_time > now
