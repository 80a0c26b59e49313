"""Registering all that a site deploys at its Prefect server; the same again changes nothing."""

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.deployments.runner import RunnerDeployment

from flows.deployments.automations import Patience, automations, register_automations
from flows.deployments.plan import Infrastructure, PlannedDeployment, Pool
from flows.deployments.schedules import prefect_schedules
from flows.deployments.work_pools import register_pool
from flows.orchestration.naming import TAG
from flows.orchestration.reaching import check_server, reaching_server


async def register(
    jobs: list[PlannedDeployment],
    infrastructure: Infrastructure,
    *,
    zone: str,
    patience: Patience | None = None,
) -> None:
    """Register work pools, deployments and automations; drop deployments that were ours before.

    Parameters
    ----------
    zone
        The time zone of schedules.
    patience
        How long automations wait; as is usual if it is None.

    Raises
    ------
    ServerError
        Prefect's server does not answer, or refuses.
    """
    check_server()
    with reaching_server():
        await _register(jobs, infrastructure, zone=zone, patience=patience)


async def _register(
    jobs: list[PlannedDeployment],
    infrastructure: Infrastructure,
    *,
    zone: str,
    patience: Patience | None,
) -> None:
    async with get_client() as client:
        for pool in Pool:
            await register_pool(client, pool, infrastructure)
        for job in jobs:
            await _register_job(job, zone)
        await _drop_others(client, {job.full_name for job in jobs})
        await register_automations(client, automations(patience))


async def _register_job(job: PlannedDeployment, zone: str) -> None:
    deployment = RunnerDeployment(
        name=job.name,
        flow_name=job.flow_name,
        entrypoint=job.entrypoint,
        schedules=await prefect_schedules(job.due, zone),
        concurrency_limit=job.most_runs,
        concurrency_options=ConcurrencyOptions(
            collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        description=job.description,
        tags=[TAG],
        work_pool_name=job.pool,
        work_queue_name=job.queue,
    )
    await deployment.aapply()


async def _drop_others(client: PrefectClient, names: set[str]) -> None:
    """Delete deployments that carry our tag and are planned no more."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    for deployment in await client.read_deployments(deployment_filter=ours):
        flow = await client.read_flow(deployment.flow_id)
        if f"{flow.name}/{deployment.name}" not in names:
            await client.delete_deployment(deployment.id)
