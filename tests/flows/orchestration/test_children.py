"""A run that is started again, and the run inside it that died with its process."""

import asyncio
from typing import Any

import pytest

from flows.orchestration.children import bury_dead_children


@pytest.mark.parametrize(("starts", "state"), [(1, "Running"), (2, "Crashed")])
def test_a_run_that_starts_again_marks_what_died_inside_it(
    prefect: None, starts: int, state: str
) -> None:
    assert asyncio.run(_inner_state(starts)) == state


async def _inner_state(starts: int) -> str | None:
    """Start a run of a flow so often; return the state of the run inside it, after the last."""
    from prefect import flow, get_client, task
    from prefect.flow_engine import run_flow
    from prefect.states import Crashed, Pending, Running

    @flow(name="outer")
    async def outer() -> None:
        await bury_dead_children()

    @flow(name="inner")
    async def inner() -> None: ...

    @task(name="inner")
    async def tracking() -> None: ...

    async with get_client() as client:
        run: Any = await client.create_flow_run(outer, state=Pending())
        for _ in range(starts - 1):
            await client.set_flow_run_state(run.id, Running(), force=True)
            await client.set_flow_run_state(run.id, Crashed(), force=True)
        around = await client.create_task_run(tracking, run.id, dynamic_key="inner-0")
        child = await client.create_flow_run(inner, parent_task_run_id=around.id)
        await client.set_flow_run_state(child.id, Running(), force=True)
        await client.set_flow_run_state(run.id, Pending(), force=True)
        await run_flow(outer, flow_run=await client.read_flow_run(run.id))
        return (await client.read_flow_run(child.id)).state_name
