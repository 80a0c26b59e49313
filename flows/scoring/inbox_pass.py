"""One pass over an inbox: Prefect and the network start only if an image waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from flows.orchestration.server import calling_flows
from flows.resources import Resources
from flows.scoring.archiving import archive_scored
from flows.scoring.enlisting import enlist
from flows.scoring.run import ScoringRun, under_way
from flows.scoring.summary import Counts, RunSummary, summarised


async def score_new(inbox: str, resources: Resources, *, is_emptied: bool = False) -> RunSummary:
    """Score each new image of an inbox once. Safe to run again, and at the same time as others.

    Parameters
    ----------
    is_emptied
        Believe that the inbox was emptied on purpose, if it is empty.

    Raises
    ------
    InboxError
        The inbox cannot be read.
    DatabaseError
        The database cannot be used.
    ModelUnavailable
        Nothing can be scored.
    """
    async with under_way(inbox, resources) as run:
        run.discovery = await enlist(run, is_emptied=is_emptied)
        if await run.count_waiting():
            summary = await _scored(run)
        else:
            await run.update_courses()  # corrections may have made some due
            summary = await summarised(run, Counts())
        archived = await archive_scored(run)
        faults = " ".join(filter(None, (summary.archive_fault, archived.fault)))
        return replace(summary, archived=archived.moved, archive_fault=faults)


async def _scored(run: ScoringRun) -> RunSummary:
    """Score all that waits, as Prefect runs it."""
    async with loading(run), calling_flows():
        # Imported here: Prefect takes a second, and its temporary server several.
        from flows.scoring.flow import score_waiting  # noqa: PLC0415

        return await score_waiting()


@asynccontextmanager
async def loading(run: ScoringRun) -> AsyncIterator[None]:
    """Load the model in a thread, while Prefect's server starts in a process of its own.

    An error of loading is not raised here, but when the run asks for the model.
    """
    # Handed to its thread here and now: a task would wait for the loop, which the start blocks.
    loaded = asyncio.get_running_loop().run_in_executor(None, run.load_model)
    try:
        yield
    finally:
        await asyncio.gather(loaded, return_exceptions=True)
