"""Prefect's runner of the scheduled flows, and how it ends."""

import asyncio
import hashlib
import signal
from collections.abc import Sequence
from datetime import timedelta
from typing import Self

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    FlowRun,
    StateType,
)
from prefect.runner import Runner
from prefect.schedules import Schedule

from flows.deployments.plan import Due, PlannedDeployment, planned
from flows.deployments.schedules import prefect_schedules
from flows.orchestration.children import UNDER_WAY, bury
from flows.orchestration.reaching import check_server, reaching_server
from flows.pacs.flow import fetch, reconcile
from flows.scoring.flow import score_inbox, score_waiting
from flows.scoring.naming import sources_label
from flows.settings import Settings, SourceSettings

# One that works, one that starts beside it if it hangs, one that reports that both are at work.
_PASSES = 3
_OF_A_PACS = {flow.name: flow for flow in (fetch, reconcile)}


async def serve_schedule(settings: Settings) -> None:
    """Start what is due until SIGTERM or Ctrl-C; end what is under way first.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed.
    ServerError
        Prefect's server does not answer, or refuses, at the start; later the service waits for it.
    """
    places = _PASSES + len(_pacs_jobs(settings))
    service = _Service(name="score-inbox", limit=places, pause_on_shutdown=False)
    check_server()
    with reaching_server():
        await provide_flows(service, settings)
    await service.run()


async def provide_flows(service: Runner, settings: Settings) -> None:
    """Let a runner start passes, and ask the PACS if one is set."""
    name = deployment_name(settings.all_sources)
    await service.aadd_flow(
        score_inbox,
        name=name,
        schedules=await _schedules(settings),
        description=f"Scores each new image of {sources_label(settings.all_sources)} once",
    )
    for job in _pacs_jobs(settings):
        await service.aadd_flow(
            _OF_A_PACS[job.flow_name],
            name=name,
            schedules=await prefect_schedules(job.due, settings.timezone),
            description=job.description,
            # The first may take hours: those that are due meanwhile would take all places.
            concurrency_limit=ConcurrencyLimitConfig(
                limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
            ),
        )


def _pacs_jobs(settings: Settings) -> list[PlannedDeployment]:
    """Return the jobs that ask the PACS, as far as they are scheduled; none if none is set."""
    if settings.pacs is None:
        return []
    return [job for job in planned(settings) if job.flow_name in _OF_A_PACS and job.due]


async def forget_earlier_service(settings: Settings) -> None:
    """Drop what an earlier service had planned, and mark what was under way when it was killed.

    For a Prefect server that this service alone uses: nothing of it is under way yet. Passes that
    were due meanwhile are not made up for: the next one finds all that waits.
    """
    ours, inner = _named(score_inbox.name, *_OF_A_PACS), _named(score_waiting.name)
    served = {score_inbox.name, *(job.flow_name for job in _pacs_jobs(settings))}
    async with get_client() as client:
        for flow_name in (score_inbox.name, *_OF_A_PACS):
            for deployment in await client.read_deployments(flow_filter=_named(flow_name)):
                is_ours = deployment.name == deployment_name(settings.all_sources)
                if not is_ours or flow_name not in served:
                    await client.delete_deployment(deployment.id)
        for run in await _runs(client, ours, StateType.SCHEDULED):
            await client.delete_flow_run(run.id)
        dead = await _runs(client, ours, *UNDER_WAY)
        # Those without a parent belong to the command `run`, which may be at work.
        dead += [run for run in await _runs(client, inner, *UNDER_WAY) if run.parent_task_run_id]
        await bury(client, dead, "the service was killed")


def _named(*flow_names: str) -> FlowFilter:
    return FlowFilter(name=FlowFilterName(any_=list(flow_names)))


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


async def _schedules(settings: Settings) -> list[Schedule]:
    due: list[Due] = [settings.cron]
    if settings.poll_seconds is not None:
        due.append(timedelta(seconds=settings.poll_seconds))
    return await prefect_schedules(due, settings.timezone)


class _Service(Runner):
    """A runner that ends in its own loop; Prefect's own handler of SIGTERM never gets that far."""

    _told_to_end = _interrupted = False

    async def run(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        await self.start()
        if self._interrupted:
            raise KeyboardInterrupt

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._told_to_end:  # while it started, which takes seconds on a busy machine
            await self.astop()
        return self

    def handle_sigterm(self, *_: object, **__: object) -> None:
        self._told_to_end = True
        if self.started:
            self.execute_in_background(self._end)

    def _interrupt(self) -> None:
        self._interrupted = True
        self.handle_sigterm()

    async def _end(self) -> None:
        if self.started:  # else it ends already
            await self.astop()
