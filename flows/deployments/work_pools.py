"""Work pools: what the workers of each device start a run with, from files that a site may edit."""

import json
from importlib.resources import files
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from flows.deployments.plan import Infrastructure, Pool
from flows.errors import UsageError
from flows.orchestration.naming import TAG

_DESCRIPTION = f"Made by `{TAG} deploy`, which brings it up to date."


def base_job_template(pool: Pool, infrastructure: Infrastructure) -> dict[str, Any]:
    """Return the base job template of a pool: what Prefect starts, and what may vary."""
    name = f"{infrastructure}-{pool}.json"
    content = files("flows.deployments").joinpath("base_jobs", name).read_text(encoding="utf-8")
    template: dict[str, Any] = json.loads(content)
    return template


async def register_pool(client: PrefectClient, pool: Pool, infrastructure: Infrastructure) -> None:
    """Make a work pool, or give one of the same infrastructure the template as it is now.

    A pool of another infrastructure is made anew: Prefect changes no pool's type. Its deployments
    are registered again afterwards.

    Raises
    ------
    UsageError
        A pool of this name is not ours: others start runs by it.
    """
    template = base_job_template(pool, infrastructure)
    try:
        existing = await client.read_work_pool(pool)
    except ObjectNotFound:
        existing = None
    if existing is not None and existing.description != _DESCRIPTION:
        raise UsageError(
            f"the work pool {pool.value!r} is not ours: deploy to a Prefect server without it"
        )
    if existing is not None and existing.type == infrastructure:
        await client.update_work_pool(pool, WorkPoolUpdate(base_job_template=template))
        return
    if existing is not None:
        await client.delete_work_pool(pool)
    await client.create_work_pool(
        WorkPoolCreate(
            name=pool,
            description=_DESCRIPTION,
            type=infrastructure,
            base_job_template=template,
        )
    )
