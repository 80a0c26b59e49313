"""Passes over several sources, one after another: each may fail alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from flows.errors import InboxError, UnexpectedError, quoting_nothing
from flows.operations.dead_mans_switch import report_success
from flows.resources import Resources
from flows.scoring.inbox_pass import score_new
from flows.scoring.summary import RunSummary
from flows.settings import SourceSettings


@dataclass(frozen=True)
class SourcePass:
    """What became of the pass over one source: its summary, or the error that ended it."""

    source: SourceSettings
    summary: RunSummary | None
    error: InboxError | UnexpectedError | None = None

    @property
    def fault(self) -> str:
        """Why the pass failed; empty if it did not."""
        if self.summary is not None:
            return self.summary.fault
        return str(self.error)


async def score_sources(
    sources: Sequence[SourceSettings], resources: Resources, *, is_emptied: bool = False
) -> list[SourcePass]:
    """Score each new image of each source once, in this order; see `score_new`.

    If these are all sources that are set, and none failed, the dead man's switch is told.

    Parameters
    ----------
    is_emptied
        Believe that a source was emptied on purpose, if it is empty.

    Returns
    -------
    A pass for each source: one that cannot be read, or where this program has a fault, fails alone.

    Raises
    ------
    InboxError, UnexpectedError
        All of them failed so.
    DatabaseError
        The database cannot be used.
    ModelUnavailable
        Nothing can be scored.
    """
    passes = [await _pass(source, resources, is_emptied=is_emptied) for source in sources]
    errors = [entry.error for entry in passes if entry.error is not None]
    if errors and len(errors) == len(passes):
        if len(errors) == 1:
            raise errors[0]
        raise InboxError("; ".join(map(str, errors))) from errors[0]
    left_out = {source.location for source in resources.settings.all_sources}
    left_out -= {source.location for source in sources}
    if not left_out and not any(entry.fault for entry in passes):
        await asyncio.to_thread(report_success, resources.settings)
    return passes


async def _pass(source: SourceSettings, resources: Resources, *, is_emptied: bool) -> SourcePass:
    score = quoting_nothing(score_new)
    try:
        summary = await score(source.location, resources, is_emptied=is_emptied)
    except (InboxError, UnexpectedError) as error:
        return SourcePass(source, None, error)
    return SourcePass(source, summary)
