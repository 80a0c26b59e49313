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

    What a site chose there stays, such as the image: a variable that has a value keeps it. A pool
    of another infrastructure is made anew: Prefect changes no pool's type. Its deployments are
    registered again afterwards.

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
        _keep_values(template, existing.base_job_template)
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


def _keep_values(template: dict[str, Any], existing: dict[str, Any]) -> None:
    """Give the variables of a template the values that those of an existing one have."""
    variables = template["variables"]["properties"]
    for name, variable in existing.get("variables", {}).get("properties", {}).items():
        if name in variables and "default" in variable:
            variables[name]["default"] = variable["default"]
