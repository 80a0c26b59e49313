"""A backfill on a Dask cluster: each task is a worker of its own, with its database and model.

Needs the extra ``dask``. docs/how-to/backfill-on-dask.md says when it pays.
"""

import asyncio
from contextlib import aclosing
from itertools import count
from typing import Any, cast

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from db.ledger.presence import RunKind
from flows.errors import UsageError, quoting_nothing
from flows.library_messages import mute_libraries
from flows.orchestration.server import calling_flows
from flows.resources import Resources, current
from flows.scoring.batch import score_batches
from flows.scoring.enlisting import enlist
from flows.scoring.flow import SHARE_SECONDS, concluded
from flows.scoring.run import current_run, under_way
from flows.scoring.summary import Counts, RunSummary, summarised

_Runner = TaskRunner[PrefectFuture[Any]]
_LOCAL = "127.0.0.1"


async def backfill(inbox: str, resources: Resources, *, cluster: str, workers: int) -> RunSummary:
    """Score each new image of an inbox once, by tasks on a Dask cluster.

    Parameters
    ----------
    cluster
        The address of the cluster's scheduler; empty for a temporary cluster of processes here.
    workers
        How many tasks run at once, and how many processes a temporary cluster has.

    Raises
    ------
    UsageError
        The extra is not installed.
    InboxError
        The inbox cannot be read.
    DatabaseError
        The database cannot be used.
    ModelUnavailable
        Nothing can be scored.
    """
    runner = _runner(cluster, workers)
    async with under_way(inbox, resources, RunKind.BACKFILL) as run:
        run.discovery = await enlist(run)
        if not await run.count_waiting():
            await run.update_courses()
            return await summarised(run, Counts())
        async with calling_flows():
            return await score_apart.with_options(task_runner=runner)(workers)


def _runner(cluster: str, workers: int) -> _Runner:
    try:
        from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError("Dask is not installed: pip install 'cxr-severity[dask]'") from error
    if cluster:
        return cast("_Runner", DaskTaskRunner(address=cluster))
    # One thread each: an image is decoded in threads of our own. No page of Dask's.
    options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    return cast("_Runner", DaskTaskRunner(cluster_kwargs={**options, "host": _LOCAL}))


@flow(name="score-apart", validate_parameters=False, persist_result=False)
@quoting_nothing
async def score_apart(workers: int) -> RunSummary:
    """Score all images that wait in the inbox of the `current_run`, by so many tasks at a time.

    The run itself claims nothing; each task is a run of its own, so that whatever becomes of it,
    of its process or of its machine, the next ones score what it left.
    """
    run, numbers, counts = current_run(), count(1), Counts()
    while waiting := await run.count_waiting():
        run.progress.waiting(waiting)
        before = counts
        for future in [score_share_apart.submit(next(numbers)) for _ in range(workers)]:
            share = await asyncio.to_thread(future.result)
            counts += share
            run.progress.advanced(scored=share.scored, rejected=share.rejected)
        if counts == before:  # others hold what waits, or the tasks look into another inbox
            break
    return await concluded(run, counts)


@task(
    name="score-share-apart",
    task_run_name="share {number}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def score_share_apart(number: int) -> Counts:
    """Score batches for some minutes as a worker of its own, from the settings of its environment.

    A process keeps its database and its model from one share to the next.
    """
    mute_libraries()
    counts: Counts = asyncio.run(_score_share(current()))  # type: ignore[arg-type] # a coroutine
    log = get_run_logger()
    log.info("share %d: %d scored, %d rejected", number, counts.scored, counts.rejected)
    return counts


@quoting_nothing
async def _score_share(resources: Resources) -> Counts:
    counts = Counts()
    source = resources.settings.only_source()
    async with under_way(source.location, resources, RunKind.BACKFILL) as run:
        if await run.count_waiting():
            async with aclosing(score_batches(run, seconds=SHARE_SECONDS)) as batches:
                async for batch in batches:
                    counts += batch
    return counts
