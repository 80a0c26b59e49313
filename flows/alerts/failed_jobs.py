"""Alerts of Prefect: deployments of ours whose last run failed, was killed or was lost."""

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort

from flows.alerts.alert import Alert
from flows.orchestration.naming import TAG

_ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]


async def failed_jobs() -> list[Alert]:
    """Return an alert for each deployment of ours whose last run did not end well."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    async with get_client() as client:
        deployments = await client.read_deployments(deployment_filter=ours)
        return [_alert(job) for job in deployments if not await _ended_well(client, job)]


async def _ended_well(client: PrefectClient, deployment: DeploymentResponse) -> bool:
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ENDED))
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=1,
    )
    return all(run.state_type is StateType.COMPLETED for run in runs)


def _alert(deployment: DeploymentResponse) -> Alert:
    return Alert(
        f"job-{deployment.name}",
        f"The last run of the deployment {deployment.name} failed.",
        "Prefect's page shows its log; a run that was killed is started again by itself.",
    )
