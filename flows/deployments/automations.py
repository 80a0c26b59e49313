"""Automations: a run whose process is gone is marked as lost, and started again."""

from dataclasses import dataclass
from datetime import timedelta

from prefect.automations import (
    AutomationCore,
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    ResourceSpecification,
)
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType

from flows.orchestration.naming import LOST, MOST_RESTARTS, RESTARTING, TAG

_START = timedelta(minutes=30)  # a container's image may have to be fetched
_DAY = timedelta(days=1)  # longer than a pass may take (`SEVERITY_PASS_HOURS`)
_STATES = "prefect.flow-run.*"
# Not by the names of flows: another's flow on the same server may have the same.
_OURS = ResourceSpecification(
    {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
)
_OF_A_DEPLOYMENT = ResourceSpecification(
    {"prefect.resource.id": "prefect.deployment.*", "prefect.resource.role": "deployment"}
)


@dataclass(frozen=True)
class Patience:
    """How long automations wait for a heartbeat, and before they restart what has crashed.

    Three heartbeats, of 30 s each (`PREFECT_FLOWS_HEARTBEAT_FREQUENCY`). The worker reports a
    crash twice, some seconds apart: a restart in between would be marked as crashed too.
    """

    silence: timedelta = timedelta(seconds=90)
    before_restart: timedelta = timedelta(seconds=60)


def automations(patience: Patience | None = None) -> list[AutomationCore]:
    """Return our automations, which watch the runs that carry our tag, and no others."""
    patience = patience or Patience()
    return [
        _mark_lost(
            "silent",
            "no heartbeat came: the process or its machine is gone",
            _Silence("prefect.flow-run.heartbeat", patience.silence),
        ),
        _mark_lost(
            "never started",
            "it never started: the worker that took it is gone",
            _Silence("prefect.flow-run.Pending", _START),
        ),
        _mark_lost(
            "crashed",
            "its process has ended",
            _Silence("prefect.flow-run.Crashed", patience.before_restart),
            is_crashed=True,
        ),
        _restart_lost(),
    ]


async def register_automations(client: PrefectClient, wanted: list[AutomationCore]) -> None:
    """Make automations, or bring those of the same name up to date."""
    for automation in wanted:
        existing = await client.read_automations_by_name(automation.name)
        if existing:
            await client.update_automation(existing[0].id, automation)
        else:
            await client.create_automation(automation)


@dataclass(frozen=True)
class _Silence:
    """Nothing is heard of a run for so long after an event."""

    after: str
    within: timedelta


def _mark_lost(
    name: str, message: str, silence: _Silence, *, is_crashed: bool = False
) -> AutomationCore:
    """Mark a run as lost when nothing more is heard of it; one that has ended only if it crashed.

    The last heartbeat of a run may be dated after its end, by milliseconds, or by as much as the
    clock of its machine is ahead of the server's: nothing is heard of it then, though it did well.
    """
    return AutomationCore(
        name=f"{TAG}: mark runs that are {name}",
        description=f"State {LOST}: {message}.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": _STATES}),
            match_related=_OURS,
            after={silence.after},
            expect={_STATES},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence.within,
        ),
        # Without force, Prefect takes no run out of a state in which it has ended.
        actions=[
            ChangeFlowRunState(
                name=LOST, state=StateType.CRASHED, message=message, force=is_crashed
            )
        ],
    )


def _restart_lost() -> AutomationCore:
    """Restart a lost run of a deployment: once for each number of starts that it had.

    Without the number of starts among the keys, a run that crashes before it starts would be
    restarted for ever, since only starts are counted.
    """
    return AutomationCore(
        name=f"{TAG}: restart lost runs",
        description=f"At most {MOST_RESTARTS} times; what it had claimed is released meanwhile.",
        trigger=EventTrigger(
            match=ResourceSpecification(
                {
                    "prefect.resource.id": _STATES,
                    "prefect.run-count": [str(starts + 1) for starts in range(MOST_RESTARTS)],
                }
            ),
            match_related=[_OURS, _OF_A_DEPLOYMENT],
            expect={f"prefect.flow-run.{LOST}"},
            for_each={"prefect.resource.id", "prefect.run-count"},
            posture=Posture.Reactive,
            threshold=1,
            within=_DAY,
        ),
        actions=[
            ChangeFlowRunState(
                name=RESTARTING, state=StateType.SCHEDULED, message="it was lost", force=False
            )
        ],
    )
