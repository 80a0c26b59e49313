"""Discovery as Prefect runs it: it enlists what is new, and starts scoring if much waits."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Failed

from db.errors import DatabaseError
from db.ledger.presence import RunKind
from flows.alerts.alert import SITE_CODES, Alert, site_alerts
from flows.alerts.channels import channels
from flows.alerts.failed_jobs import failed_jobs
from flows.alerts.telling import tell
from flows.discovery.backlog import start_scoring
from flows.discovery.lost_runs import restart_lost_runs
from flows.errors import FlowsError, InboxError, UnexpectedError, quoting_nothing
from flows.library_messages import mute_libraries
from flows.orchestration.supervision import end_with_parent
from flows.resources import Resources, current
from flows.scoring.enlisting import enlist
from flows.scoring.flow import run_name
from flows.scoring.run import under_way
from flows.scoring.summary import Counts, summarised
from flows.settings import SourceSettings
from severity.errors import SeverityError

# Errors name folders and servers: they are for the log.
_FAILED_LOOK = Alert(
    "look",
    "A source cannot be looked at, or most of its files are gone at once.",
    "The log of the last run of `discover` says why; `cxr-severity doctor` what to do.",
)
_NO_DATABASE = Alert(
    "database",
    "The database cannot be used.",
    "The log of the last run of `discover` says why; `cxr-severity doctor` what to do.",
)


@flow(name="discover", flow_run_name=run_name, validate_parameters=False, persist_result=False)
@quoting_nothing
async def discover() -> int | State[int]:
    """Enter what is new into the ledger, without a network; start scoring if much waits.

    Alerts are told afterwards, also if the look failed: that is one of them. So they are if no run
    can be started.

    Returns
    -------
    How many images wait in all sources together, as far as they can be listed.
    """
    end_with_parent()
    mute_libraries()
    resources = current()
    waiting, faults = await _look_everywhere(resources)
    try:
        if waiting >= resources.settings.backlog_images:
            get_run_logger().info("%d runs were started that score now", await start_scoring())
        await restart_lost_runs()
    finally:
        await _tell(resources, [_FAILED_LOOK] if faults else [])
    if faults:
        return Failed(message=" ".join(map(str, faults)), data=faults[0])
    return waiting


async def _look_everywhere(resources: Resources) -> tuple[int, list[Exception]]:
    """Look at each source; return how much waits where it can be scored, and all faults.

    Of a source that cannot be listed nothing is scored now; where most files are gone at once, the
    others are.
    """
    waiting, faults = 0, list[Exception]()
    try:
        for source in resources.settings.sources_named():
            try:
                found, doubt = await _look(source, resources)
            # The others are looked at all the same.
            except (InboxError, UnexpectedError) as error:
                faults.append(error)
            else:
                waiting += found
                faults += [InboxError(f"{source.name}: {doubt}")] if doubt else []
    except (FlowsError, DatabaseError, SeverityError) as error:
        faults.append(error)
    for fault in faults:
        get_run_logger().error("the look failed: %s", fault)
    return waiting, faults


@quoting_nothing
async def _look(source: SourceSettings, resources: Resources) -> tuple[int, str]:
    """Enlist what is new in a source; return how much waits there, and the fault, if there is one.

    Raises
    ------
    InboxError
        It cannot be listed.
    """
    log = get_run_logger()
    async with under_way(source.location, resources, RunKind.LOOK) as run:
        run.discovery = await enlist(run)
        waiting = await run.count_waiting()
        summary = await summarised(run, Counts())
    log.info("%s: %d enlisted, %d wait", source.name, summary.enlisted, waiting)
    for note in summary.notes:
        log.warning("%s", note)
    return waiting, summary.fault


async def _tell(resources: Resources, raised: list[Alert]) -> None:
    """Tell alerts: these, those that the database knows of, and jobs that failed."""
    if not channels(resources.settings):
        return
    unexamined: Collection[str] = ()
    try:
        raised = raised + await asyncio.to_thread(_site_alerts, resources)
    except DatabaseError as error:
        get_run_logger().error("no alerts of the database: %s", error)
        raised, unexamined = [*raised, _NO_DATABASE], SITE_CODES
    await tell(raised + await failed_jobs(), resources.settings, unexamined=unexamined)


def _site_alerts(resources: Resources) -> list[Alert]:
    with resources.open_database().transaction() as session:
        return site_alerts(session, datetime.now(UTC))
