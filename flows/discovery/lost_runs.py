"""Lost runs that no automation restarted: an overloaded Prefect server may lose an event."""

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType

from flows.orchestration.naming import LOST, MOST_RESTARTS, RESTARTING, TAG

_EARLIEST = timedelta(minutes=2)  # the automation takes seconds
_LATEST = timedelta(hours=12)  # by then a later run has done the work


async def restart_lost_runs(earliest: timedelta = _EARLIEST) -> int:
    """Restart lost runs of our deployments, each as often as it may be; return how many that was.

    Parameters
    ----------
    earliest
        How long ago a run was lost, at least.
    """
    now = datetime.now(UTC)
    lost = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),  # others cannot be restarted
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[LOST])),
        end_time=FlowRunFilterEndTime(after_=now - _LATEST, before_=now - earliest),
    )
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_run_filter=lost)
        restarted = [run for run in runs if await _may_restart(client, run)]
        for run in restarted:
            again: State[Any] = State(type=StateType.SCHEDULED, name=RESTARTING)
            await client.set_flow_run_state(run.id, again)
    return len(restarted)


async def _may_restart(client: PrefectClient, run: FlowRun) -> bool:
    """Return whether a run has started at all, and may be restarted once more."""
    if not run.run_count:
        return False
    states = await client.read_flow_run_states(run.id)
    return sum(state.name == RESTARTING for state in states) < MOST_RESTARTS
