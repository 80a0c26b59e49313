"""The main job as Prefect runs it: flows, and tasks of minutes of work each."""

from contextlib import aclosing
from dataclasses import asdict
from itertools import count

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows.errors import quoting_nothing
from flows.library_messages import mute_libraries
from flows.resources import current
from flows.scoring.batch import score_batches
from flows.scoring.inbox_pass import score_new
from flows.scoring.run import current_run
from flows.scoring.summary import Counts, RunSummary, summarised
from severity.domain import RESEARCH_USE_ONLY

_SHARE_SECONDS = 300  # Prefect keeps a row and events for each task: a backfill has thousands


@flow(name="score-inbox", validate_parameters=False)
@quoting_nothing
async def score_inbox(inbox: str) -> RunSummary:
    """Score each new image of an inbox once; this is what `serve` starts on its schedule."""
    mute_libraries()
    summary = await score_new(inbox, current())
    log = get_run_logger()
    log.info(
        "%d enlisted, %d scored, %d rejected, %d left for the next pass",
        summary.enlisted,
        summary.scored,
        summary.rejected,
        summary.deferred,
    )
    if summary.unreadable_sidecars:
        log.warning("%d sidecars are unreadable; their images wait", summary.unreadable_sidecars)
    return summary


@flow(name="score-waiting", validate_parameters=False, persist_result=False)
@quoting_nothing
async def score_waiting() -> RunSummary:
    """Score all images that wait in the inbox of the `current_run`."""
    run, shares, counts = current_run(), count(1), Counts()
    # Counted again after each share: other runs claim some, and may die and leave theirs.
    while waiting := await run.count_waiting():
        run.progress.waiting(waiting)
        counts += await score_share(next(shares))
    run.progress.waiting(0)
    summary = await summarised(run, counts)
    await _leave_artifact(summary)
    return summary


@task(name="score-share", cache_policy=NO_CACHE, persist_result=False)
@quoting_nothing
async def score_share(number: int) -> Counts:
    """Score batches for some minutes, or until nothing waits.

    Prefect stores and shows a task's arguments, so the only one is a number; the run is in the
    context.
    """
    run, log, counts = current_run(), get_run_logger(), Counts()
    async with aclosing(score_batches(run, seconds=_SHARE_SECONDS)) as batches:
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


async def _leave_artifact(summary: RunSummary) -> None:
    """Store the run's counts as an artifact, which Prefect shows."""
    rows = {
        **asdict(summary),
        **{f"balance: {name}": value for name, value in asdict(summary.balance).items()},
    }
    del rows["balance"]
    rows["other_versions"] = ", ".join(summary.other_versions) or "none"
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    await acreate_markdown_artifact(
        key="score-inbox",
        markdown=f"| | |\n|---|---|\n{table}\n\n{RESEARCH_USE_ONLY}\n",
        description="What became of the images of this run",
    )
