"""Automations: a run whose process is gone is marked as lost, and started again."""

from collections.abc import Iterable
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
_INNER_FLOWS = ("score-waiting",)  # whose processes die with that of the flow around them


@dataclass(frozen=True)
class Patience:
    """How long automations wait for a heartbeat, and before they restart what has crashed.

    Three heartbeats, of 30 s each (`PREFECT_FLOWS_HEARTBEAT_FREQUENCY`). The worker reports a
    crash twice, some seconds apart: a restart in between would be marked as crashed too.
    """

    silence: timedelta = timedelta(seconds=90)
    before_restart: timedelta = timedelta(seconds=60)


def automations(
    flow_names: Iterable[str], patience: Patience | None = None
) -> list[AutomationCore]:
    """Return our automations, which watch the runs of these flows, and of no others."""
    patience = patience or Patience()
    ours = ResourceSpecification(
        {
            "prefect.resource.role": "flow",
            "prefect.resource.name": sorted({*flow_names, *_INNER_FLOWS}),
        }
    )
    return [
        _mark_lost(
            "silent",
            "no heartbeat came: the process or its machine is gone",
            _Silence(ours, "prefect.flow-run.heartbeat", patience.silence),
        ),
        _mark_lost(
            "never started",
            "it never started: the worker that took it is gone",
            _Silence(ours, "prefect.flow-run.Pending", _START),
        ),
        _mark_lost(
            "crashed",
            "its process has ended",
            _Silence(ours, "prefect.flow-run.Crashed", patience.before_restart),
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
    """Nothing is heard of a run of these flows, for so long after an event."""

    flows: ResourceSpecification
    after: str
    within: timedelta


def _mark_lost(name: str, message: str, silence: _Silence) -> AutomationCore:
    """Mark a run as lost when nothing more is heard of it."""
    return AutomationCore(
        name=f"{TAG}: mark runs that are {name}",
        description=f"State {LOST}: {message}.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": _STATES}),
            match_related=silence.flows,
            after={silence.after},
            expect={_STATES},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence.within,
        ),
        # By force, as a run that has crashed is lost only then.
        actions=[
            ChangeFlowRunState(name=LOST, state=StateType.CRASHED, message=message, force=True)
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
            match_related=ResourceSpecification(
                {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
            ),
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
