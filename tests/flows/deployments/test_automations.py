"""Automations at a real Prefect server, on runs whose process is killed."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from flows.deployments.plan import Infrastructure, planned
from flows.orchestration.naming import TAG
from flows.resources import Resources
from flows.settings import Settings
from tests.builders.services import PATIENCE_SECONDS, processes_of
from tests.builders.settings import SECRET

COURSES = "update-due-courses/courses"
BELIEVED_LOST_SECONDS = 50  # more than the automations wait, and the server after them
NEVER = dict.fromkeys(("discover", "score", "rescore", "courses", "retention"), "")


@pytest.fixture
async def deployed(client: Any) -> Any:
    """A server with our deployments, whose automations wait no longer than Prefect lets them."""
    from flows.deployments.automations import Patience
    from flows.deployments.registering import register

    shortest = timedelta(seconds=10)
    jobs = planned(Settings(schedules=NEVER))
    # A busy server of Prefect on SQLite takes an event ten seconds after it came.
    patience = Patience(silence=2 * shortest, before_restart=shortest)
    await register(jobs, Infrastructure.PROCESS, zone="UTC", patience=patience)
    return client


@pytest.fixture
def site(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a worker, which its runs inherit."""
    url = resources.settings.database_url
    assert url is not None
    monkeypatch.setenv("DATABASE_URL", url.get_secret_value())
    monkeypatch.setenv("SEVERITY_PSEUDONYM_KEY", SECRET)
    monkeypatch.setenv("SEVERITY_HOME", str(resources.settings.home))


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.3)


async def created(client: Any) -> Any:
    deployment = await client.read_deployment_by_name(COURSES)
    return await client.create_flow_run_from_deployment(deployment.id)


@pytest.mark.long
async def test_a_run_that_is_killed_starts_again_and_blocks_no_place(
    deployed: Any, site: None, resources: Resources
) -> None:
    from prefect.workers.process import ProcessWorker

    run = await created(deployed)

    async def is_in(state: str, starts: int) -> bool:
        await worker.get_and_submit_flow_runs()
        now = await deployed.read_flow_run(run.id)
        return (now.state_name, now.run_count) == (state, starts)

    async with ProcessWorker(work_pool_name="cpu") as worker:
        with resources.open_database().transaction() as session:
            session.execute(text("LOCK TABLE course_due"))  # for which the run waits
            await eventually(lambda: is_in("Running", 1))
            for process, line in processes_of(resources.settings.home).items():
                if "prefect.engine" in line:
                    os.kill(process, signal.SIGKILL)
            await eventually(lambda: is_in("Running", 2))
        await eventually(lambda: is_in("Completed", 2))

    names = [state.name for state in await deployed.read_flow_run_states(run.id)]
    assert names.index("Crashed") < names.index("Lost") < names.index("Restarting")
    deployment = await deployed.read_deployment(run.deployment_id)
    assert deployment.global_concurrency_limit.active_slots == 0


async def test_a_run_is_restarted_three_times_and_once_for_each_start(deployed: Any) -> None:
    from prefect.client.schemas.objects import StateType
    from prefect.states import Running, State

    run = await created(deployed)

    async def names() -> list[str]:
        states = await deployed.read_flow_run_states(run.id)
        return [state.name for state in sorted(states, key=lambda state: state.timestamp)]

    async def is_restarting() -> bool:
        return (await names())[-1] == "Restarting"

    lost: State[Any] = State(type=StateType.CRASHED, name="Lost")
    for _ in range(3):
        await deployed.set_flow_run_state(run.id, Running(), force=True)
        await deployed.set_flow_run_state(run.id, lost, force=True)
        await eventually(is_restarting)
    # It crashes before it starts, then after a fourth start.
    await deployed.set_flow_run_state(run.id, lost, force=True)
    await deployed.set_flow_run_state(run.id, Running(), force=True)
    await deployed.set_flow_run_state(run.id, lost, force=True)
    other = await created(deployed)
    await deployed.set_flow_run_state(other.id, Running(), force=True)
    await deployed.set_flow_run_state(other.id, lost, force=True)

    async def other_is_restarting() -> bool:  # events are taken in order
        return bool((await deployed.read_flow_run(other.id)).state_name == "Restarting")

    await eventually(other_is_restarting)
    assert (await names()).count("Restarting") == 3
    assert (await names())[-1] == "Lost"


@pytest.mark.long
async def test_only_a_silent_run_of_ours_that_has_not_ended_is_lost(deployed: Any) -> None:
    from prefect import Flow
    from prefect.events import emit_event
    from prefect.states import Cancelled, Completed, Running

    ended, cancelled, silent, alive = [await created(deployed) for _ in range(4)]
    foreign = await deployed.create_flow_run(Flow(lambda: None, name="update-due-courses"))
    within = await deployed.create_flow_run(Flow(lambda: None, name="score-waiting"), tags=[TAG])

    def beat(run: Any) -> None:
        tags = [
            {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
            for tag in run.tags
        ]
        flow = {
            "prefect.resource.id": f"prefect.flow.{run.flow_id}",
            "prefect.resource.role": "flow",
            "prefect.resource.name": "update-due-courses",
        }
        emit_event(
            "prefect.flow-run.heartbeat",
            resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"},
            related=[flow, *tags],
        )

    async def state_name(run: Any) -> str:
        return str((await deployed.read_flow_run(run.id)).state_name)

    for run in (foreign, ended, cancelled, within, silent, alive):
        await deployed.set_flow_run_state(run.id, Running(), force=True)
    await deployed.set_flow_run_state(ended.id, Completed())
    await deployed.set_flow_run_state(cancelled.id, Cancelled())
    # The heart of a run that has ended beats once more, before it learns of its end, or as the
    # clock of its machine is ahead. What is silent first would be marked first.
    once = (foreign, ended, cancelled, within, silent)
    for run in once:
        beat(run)
    silent_since = time.monotonic()

    async def are_marked() -> bool:
        nonlocal silent_since
        beat(alive)
        # One within another run is not started again: the run around it is.
        if (await state_name(within), await state_name(silent)) == ("Lost", "Restarting"):
            return True
        if time.monotonic() - silent_since > BELIEVED_LOST_SECONDS:
            # A busy server of Prefect on SQLite loses an event.
            for run in once:
                if await state_name(run) not in {"Lost", "Restarting"}:
                    beat(run)
            silent_since = time.monotonic()
        return False

    await eventually(are_marked)
    assert await state_name(alive) == "Running"
    assert await state_name(foreign) == "Running"
    assert await state_name(ended) == "Completed"
    assert await state_name(cancelled) == "Cancelled"
