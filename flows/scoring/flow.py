"""The main job as Prefect runs it: flows, and tasks of minutes of work each."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import count

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging.handlers import APILogHandler
from prefect.states import Completed, Failed

from db.errors import DatabaseError
from flows.drift.watching import watch_drift
from flows.errors import FlowsError, InboxError, quoting_nothing, unexpected
from flows.library_messages import mute_libraries
from flows.operations.retention import UNDELETABLE, apply_retention_daily
from flows.orchestration.children import bury_dead_children
from flows.orchestration.supervision import end_with_parent, time_limit
from flows.reports import balance_text
from flows.resources import Resources, current
from flows.scoring.artifacts import ProgressArtifact, leave_artifacts
from flows.scoring.batch import score_batches
from flows.scoring.every_source import SourcePass, score_sources
from flows.scoring.naming import label_among, pass_name, sources_label
from flows.scoring.run import ScoringRun, current_run
from flows.scoring.summary import Counts, RunSummary, summarised
from flows.scoring.turns import pass_turn
from severity.errors import SeverityError

SHARE_SECONDS = 300  # Prefect keeps a row and events for each task: a backfill has thousands
_GRACE = timedelta(minutes=1)


def run_name() -> str:
    """Return the name of the run of this context: its sources, and when it was due."""
    resources = current()
    due: datetime = runtime.flow_run.scheduled_start_time
    return pass_name(_pass_label(resources), due, resources.settings.zone)


def _pass_label(resources: Resources) -> str:
    """Return what a pass over the source of the run, or over all of the settings, is called."""
    if isinstance(resources, ScoringRun):
        return resources.label
    return sources_label(resources.settings.sources_named())


@flow(
    name="score-inbox",
    flow_run_name=run_name,
    validate_parameters=False,
    persist_result=False,
)
@quoting_nothing
async def score_inbox() -> list[SourcePass] | State[list[SourcePass]]:
    """Score each new image of each source once; this is what `serve` starts on its schedule.

    The sources are those of the settings: whoever reaches Prefect's API can start a pass, but not
    name another folder. A source that cannot be read, or that most files are gone from at once,
    fails the pass after the others were scored.
    """
    end_with_parent()
    mute_libraries()
    await bury_dead_children()
    resources, log = current(), get_run_logger()
    with pass_turn(resources.settings.home, resources.progress) as progress:
        if progress is None:
            log.info("another pass is at work; this one leaves the inbox to it")
            return Completed(name="Skipped", message="another pass is at work")
        # First: a pass may fail, be killed, or run out of time.
        await _delete_what_expired(resources)
        try:
            passes = await _within_time(resources.reporting_to(progress))
        except (FlowsError, DatabaseError, SeverityError) as error:
            log.error("the pass failed: %s", error)  # noqa: TRY400 - one line that says it all
            return Failed(message=str(error), data=error)
    for source_pass in passes:
        await _report(source_pass, is_alone=len(passes) == 1)
    return _ended(passes)


async def _delete_what_expired(resources: Resources) -> None:
    """Apply retention once a day, for sites that schedule nothing but passes; it fails none."""
    log = get_run_logger()
    try:
        # In a thread: Prefect's heartbeat needs this event loop.
        removed = await asyncio.to_thread(apply_retention_daily, resources)
    except (FlowsError, DatabaseError) as error:
        log.error("retention failed: %s", error)  # noqa: TRY400 - one line that says it all
    except OSError as error:  # whose message names a file
        log.error("retention failed: %s", error.strerror)  # noqa: TRY400
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost a score
        log.error("retention failed: %s", unexpected(error))  # noqa: TRY400
    else:
        if removed is not None:
            counts = ", ".join(f"{name} {count}" for name, count in asdict(removed).items())
            log.info("deleted: %s", counts)
            if removed.undeletable:
                log.warning(UNDELETABLE, removed.undeletable)


def _ended(passes: Sequence[SourcePass]) -> list[SourcePass] | State[list[SourcePass]]:
    """Return the passes, or a failure that names each source whose pass failed."""
    faults = [f"{entry.source.name}: {entry.fault}" for entry in passes if entry.fault]
    if not faults:
        return list(passes)
    get_run_logger().error("the pass failed: %s", " ".join(faults))
    return Failed(message=" ".join(faults), data=InboxError(" ".join(faults)))


async def _within_time(resources: Resources) -> list[SourcePass]:
    """Score each new image, or end when the time is up: the next night must not wait."""
    log = get_run_logger()

    def last_words(message: str) -> None:
        log.error("the pass failed: %s", message)
        APILogHandler().flush()  # the process ends next

    limit = timedelta(hours=resources.settings.pass_hours)
    async with time_limit(limit, grace=_GRACE, last_words=last_words):
        return await score_sources(resources.settings.sources_named(), resources)


async def _report(source_pass: SourcePass, *, is_alone: bool) -> None:
    """Log what became of the images; an artifact has the balance, unless nothing was new."""
    log, summary = get_run_logger(), source_pass.summary
    if summary is None:
        return
    log.info(
        "%s%d enlisted, %d scored, %d rejected, %d left for the next pass",
        "" if is_alone else f"{source_pass.source.name}: ",
        summary.enlisted,
        summary.scored,
        summary.rejected,
        summary.deferred,
    )
    for note in summary.notes:
        log.warning("%s", note)
    log.info("%s", balance_text(summary.balance))
    if summary.scored or summary.rejected:
        settings = current().settings
        label = label_among(source_pass.source, settings.all_sources)
        await leave_artifacts(summary, label, settings)


@flow(
    name="score-waiting",
    flow_run_name=run_name,
    validate_parameters=False,
    persist_result=False,
)
@quoting_nothing
async def score_waiting() -> RunSummary:
    """Score all images that wait in the inbox of the `current_run`."""
    run, shares, counts = current_run(), count(1), Counts()
    shown = ProgressArtifact(run)
    # Counted again after each share: other runs claim some, and may die and leave theirs.
    while waiting := await run.count_waiting():
        run.progress.waiting(waiting)
        await shown.show(finished=counts.finished, waiting=waiting)
        counts += await score_share(next(shares))
    await shown.show(finished=counts.finished, waiting=0)
    summary = await concluded(run, counts)
    if runtime.flow_run.parent_flow_run_id is None:  # else the pass leaves it where it is sought
        await leave_artifacts(summary, run.label, run.settings)
    return summary


async def concluded(run: ScoringRun, counts: Counts) -> RunSummary:
    """Return the summary of a run that has scored all, once what follows from that is computed."""
    run.progress.waiting(0)
    await update_courses()
    await learn_course_parameters()
    await watch_drift(run.version.key)
    return await summarised(run, counts)


@task(
    name="score-share",
    task_run_name="share {number}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
@quoting_nothing
async def score_share(number: int) -> Counts:
    """Score batches for some minutes, or until nothing waits.

    Prefect stores and shows a task's arguments, so the only one is a number; the run is in the
    context.
    """
    run, log, counts = current_run(), get_run_logger(), Counts()
    async with aclosing(score_batches(run, seconds=SHARE_SECONDS)) as batches:
        async for batch in batches:
            counts += batch
            run.progress.advanced(scored=batch.scored, rejected=batch.rejected)
            log.info(
                "share %d, batch of %d: %d scored, %d rejected",
                number,
                batch.scored + batch.rejected,
                batch.scored,
                batch.rejected,
            )
    return counts


@task(name="update-courses", cache_policy=NO_CACHE, persist_result=False)
@quoting_nothing
async def update_courses() -> int:
    """Compute the courses of all patients who are due; return of how many that was."""
    persons = await current_run().update_courses()
    get_run_logger().info("courses of %d patients computed", persons)
    return persons


@task(name="learn-course-parameters", cache_policy=NO_CACHE, persist_result=False)
@quoting_nothing
async def learn_course_parameters() -> bool:
    """Learn this site's own parameters of courses, at most once a week; return whether it did."""
    run = current_run()
    has_learned = await run.learn_parameters()
    if has_learned:
        persons = await run.update_courses()
        get_run_logger().info("parameters learned; courses of %d patients rest on them", persons)
    return has_learned
