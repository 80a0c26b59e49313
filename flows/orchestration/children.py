"""Runs that died with their process, such as those inside a run that is started again."""

from collections.abc import Iterable
from typing import Any

from prefect import get_client, runtime
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Crashed

UNDER_WAY = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


async def bury_dead_children() -> None:
    """Mark what was under way inside this run when its process died, if it was started before.

    Prefect would take it up again, find it at work, and cancel the run.
    """
    if runtime.flow_run.run_count < 2:  # noqa: PLR2004 - this start is counted
        return
    parents = FlowRunFilterParentFlowRunId(any_=[runtime.flow_run.id])
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(UNDER_WAY)))
    async with get_client() as client:
        dead = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(parent_flow_run_id=parents, state=states)
        )
        await bury(client, dead, "the run around it was killed")


async def bury(client: PrefectClient, dead: Iterable[FlowRun], message: str) -> None:
    """Mark runs whose process is gone as crashed, with the reason, whatever their state says."""
    for run in dead:
        killed: State[Any] = Crashed(message=message)
        await client.set_flow_run_state(run.id, killed, force=True)
