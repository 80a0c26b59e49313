"""Prefect's runner of the scheduled flow, and how it ends."""

import asyncio
import hashlib
import signal
from collections.abc import Sequence
from datetime import timedelta

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.runner import Runner
from prefect.schedules import Schedule

from flows.deployments.plan import Due
from flows.deployments.schedules import prefect_schedules
from flows.orchestration.children import UNDER_WAY, bury
from flows.scoring.flow import score_inbox, score_waiting
from flows.scoring.naming import sources_label
from flows.settings import Settings
from flows.source_settings import SourceSettings

# One that works, one that starts beside it if it hangs, one that reports that both are at work.
_PASSES = 3


async def serve_schedule(settings: Settings) -> None:
    """Start passes when they are due, until SIGTERM or Ctrl-C; end what is under way first.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed.
    """
    service = _Service(name="score-inbox", limit=_PASSES, pause_on_shutdown=False)
    await service.aadd_flow(
        score_inbox,
        name=deployment_name(settings.all_sources),
        schedules=_schedules(settings),
        description=f"Scores each new image of {sources_label(settings.all_sources)} once",
    )
    await service.run()


async def forget_earlier_service(settings: Settings) -> None:
    """Drop what an earlier service had planned, and mark what was under way when it was killed.

    For a Prefect server that this service alone uses: nothing of it is under way yet. Passes that
    were due meanwhile are not made up for: the next one finds all that waits.
    """
    ours = FlowFilter(name=FlowFilterName(any_=[score_inbox.name]))
    inner = FlowFilter(name=FlowFilterName(any_=[score_waiting.name]))
    async with get_client() as client:
        for deployment in await client.read_deployments(flow_filter=ours):
            if deployment.name != deployment_name(settings.all_sources):
                await client.delete_deployment(deployment.id)
        for run in await _runs(client, ours, StateType.SCHEDULED):
            await client.delete_flow_run(run.id)
        dead = await _runs(client, ours, *UNDER_WAY)
        # Those without a parent belong to the command `run`, which may be at work.
        dead += [run for run in await _runs(client, inner, *UNDER_WAY) if run.parent_task_run_id]
        await bury(client, dead, "the service was killed")


async def _runs(client: PrefectClient, flow: FlowFilter, *states: StateType) -> list[FlowRun]:
    types = FlowRunFilterStateType(any_=list(states))
    return await client.read_flow_runs(
        flow_filter=flow, flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=types))
    )


def deployment_name(sources: Sequence[SourceSettings]) -> str:
    """Return a name of which services of different sources on one Prefect server have two."""
    locations = "\n".join(source.location for source in sources)
    digest = hashlib.sha256(locations.encode()).hexdigest()
    return f"{sources_label(sources)}-{digest[:6]}"


def _schedules(settings: Settings) -> list[Schedule]:
    due: list[Due] = [settings.cron]
    if settings.poll_seconds is not None:
        due.append(timedelta(seconds=settings.poll_seconds))
    return prefect_schedules(due, settings.timezone)


class _Service(Runner):
    """A runner that ends in its own loop; Prefect's own handler of SIGTERM never gets that far."""

    _interrupted = False

    async def run(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        await self.start()
        if self._interrupted:
            raise KeyboardInterrupt

    def handle_sigterm(self, *_: object, **__: object) -> None:
        self.execute_in_background(self._end)

    def _interrupt(self) -> None:
        self._interrupted = True
        self.handle_sigterm()

    async def _end(self) -> None:
        if self.started:  # else it ends already
            await self.astop()
