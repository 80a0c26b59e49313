"""Runs that were lost and that no automation restarted: here there is none."""

from datetime import timedelta
from typing import Any

import pytest

from flows.orchestration.naming import TAG


@pytest.fixture
async def run(prefect: None) -> Any:
    """A run of a deployment of ours, which no automation of another test restarts."""
    from prefect import flow, get_client

    @flow(name="watched")
    def job() -> None: ...

    deployment = await (await job.ato_deployment("watched", tags=[TAG])).aapply()
    async with get_client() as client:
        for automation in await client.read_automations():
            await client.delete_automation(automation.id)
        yield await client.create_flow_run_from_deployment(deployment)
        await client.delete_deployment(deployment)


async def test_a_lost_run_is_restarted_as_often_as_it_may_be_and_not_before_it_started(
    run: Any,
) -> None:
    from prefect import get_client
    from prefect.client.schemas.objects import State, StateType
    from prefect.states import Running

    from flows.discovery.lost_runs import restart_lost_runs

    lost: State[Any] = State(type=StateType.CRASHED, name="Lost")
    async with get_client() as client:
        await client.set_flow_run_state(run.id, lost, force=True)
        assert await restart_lost_runs(timedelta(0)) == 0
        for restarts in (1, 1, 1, 0):
            await client.set_flow_run_state(run.id, Running(), force=True)
            await client.set_flow_run_state(run.id, lost, force=True)
            assert await restart_lost_runs() == 0  # the automation's turn
            assert await restart_lost_runs(timedelta(0)) == restarts
