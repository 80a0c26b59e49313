"""Passes over several sources, one after another: one that cannot be read fails alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.errors import InboxError
from flows.resources import Resources
from flows.scoring.inbox_pass import score_new
from flows.scoring.summary import RunSummary
from flows.source_settings import SourceSettings


@dataclass(frozen=True)
class SourcePass:
    """What became of the pass over one source: its summary, or the error that ended it."""

    source: SourceSettings
    summary: RunSummary | None
    error: InboxError | None = None

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

    Parameters
    ----------
    is_emptied
        Believe that a source was emptied on purpose, if it is empty.

    If these are all sources that are set, and none failed, the dead man's switch is told.

    Returns
    -------
    A pass for each source: one that cannot be read fails alone.

    Raises
    ------
    InboxError
        None of them can be read.
    DatabaseError
        The database cannot be used.
    ModelUnavailable
        Nothing can be scored.
    """
    passes = [await _pass(source, resources, is_emptied=is_emptied) for source in sources]
    errors = [entry.error for entry in passes if entry.error is not None]
    if errors and len(errors) == len(passes):
        raise InboxError("; ".join(map(str, errors))) from errors[0]
    left_out = {source.location for source in resources.settings.all_sources}
    left_out -= {source.location for source in sources}
    if not left_out and not any(entry.fault for entry in passes):
        await asyncio.to_thread(report_success, resources.settings)
    return passes


async def _pass(source: SourceSettings, resources: Resources, *, is_emptied: bool) -> SourcePass:
    try:
        return SourcePass(
            source, await score_new(source.location, resources, is_emptied=is_emptied)
        )
    except InboxError as error:
        return SourcePass(source, None, error)
