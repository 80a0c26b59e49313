"""Registering at a real Prefect server; the work pools are of processes."""

from typing import Any

import pytest

from flows.deployments.plan import Infrastructure, Pool, planned
from flows.errors import UsageError
from flows.orchestration.naming import TAG
from flows.settings import Settings

NEVER = dict.fromkeys(("discover", "score", "rescore", "courses", "retention"), "")


async def registered(client: Any, **settings: object) -> dict[str, Any]:
    """Register and return what Prefect then has: deployments by name, automations and pools."""
    from flows.deployments.registering import register

    jobs = planned(Settings(**settings), workers=2)
    await register(jobs, Infrastructure.PROCESS, zone="Europe/Berlin")
    return {
        "deployments": {entry.name: entry for entry in await client.read_deployments()},
        "automations": {entry.name: entry.id for entry in await client.read_automations()},
        "pools": {pool.name: pool.id for pool in await client.read_work_pools()},
    }


async def test_registering_again_changes_nothing_but_what_is_set_otherwise(client: Any) -> None:
    first = await registered(client, schedules=NEVER | {"score": "0 2 * * *"})
    score = first["deployments"]["score"]
    (schedule,) = score.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 2 * * *", "Europe/Berlin")
    assert score.concurrency_options.collision_strategy == "CANCEL_NEW"
    assert score.global_concurrency_limit.limit == 2
    assert score.tags == [TAG]
    assert not score.pull_steps
    assert score.path is None

    again = await registered(client, schedules=NEVER)

    ids = {name: entry.id for name, entry in first["deployments"].items()}
    assert {name: entry.id for name, entry in again["deployments"].items()} == ids
    assert again["automations"] == first["automations"]
    assert again["pools"] == first["pools"]
    assert again["deployments"]["score"].schedules == []


async def test_a_deployment_that_is_planned_no_more_is_dropped_and_others_stay(
    client: Any,
) -> None:
    from prefect import flow

    @flow(name="somebody-elses")
    def other() -> None: ...

    await (await other.ato_deployment("theirs")).aapply()
    await (await other.ato_deployment("ours-before", tags=[TAG])).aapply()

    then = await registered(client, schedules=NEVER)

    assert "theirs" in then["deployments"]
    assert "ours-before" not in then["deployments"]


async def test_what_a_site_chose_on_the_page_of_a_work_pool_stays(client: Any) -> None:
    from prefect.client.schemas.actions import WorkPoolUpdate

    from flows.deployments.work_pools import base_job_template, register_pool

    await register_pool(client, Pool.CPU, Infrastructure.DOCKER)
    theirs = base_job_template(Pool.CPU, Infrastructure.DOCKER)
    theirs["variables"]["properties"]["image"]["default"] = "registry.example/severity:2"
    theirs["variables"]["properties"]["mem_limit"].pop("default")
    theirs["job_configuration"].pop("volumes")  # as an earlier version had it
    await client.update_work_pool(Pool.CPU, WorkPoolUpdate(base_job_template=theirs))

    await register_pool(client, Pool.CPU, Infrastructure.DOCKER)

    now = (await client.read_work_pool(Pool.CPU)).base_job_template
    expected = base_job_template(Pool.CPU, Infrastructure.DOCKER)
    expected["variables"]["properties"]["image"]["default"] = "registry.example/severity:2"
    assert now == expected


async def test_a_work_pool_of_others_is_left_as_it_is(client: Any) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate

    for pool in await client.read_work_pools():
        await client.delete_work_pool(pool.name)
    theirs = await client.create_work_pool(WorkPoolCreate(name="cpu", type="docker"))
    try:
        with pytest.raises(UsageError, match="not ours"):
            await registered(client, schedules=NEVER)

        assert (await client.read_work_pool("cpu")).id == theirs.id
    finally:
        await client.delete_work_pool("cpu")
