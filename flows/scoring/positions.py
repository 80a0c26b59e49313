"""Where the listing of a source begins: at its first key, or where an earlier one has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.ledger import listings
from flows.scoring.run import ScoringRun
from flows.sources import OrderedStore

_RESUMED_WITHIN = timedelta(days=1)  # what changed before it is seen by the next whole listing


@dataclass(frozen=True)
class Beginning:
    """The key behind which a source is listed; None: from its first key on.

    ``began_at`` is when the whole listing began that this one is part of; None if it lists only
    what is new.
    """

    key: str | None = None
    began_at: datetime | None = None


async def listed_from(run: ScoringRun, *, is_whole: bool) -> Beginning:
    """Return where the listing of a run's source begins.

    A whole listing whose run was killed goes on. Where keys arrive in order, the next one is due
    only after some days, and what came since lies behind the last key. If that is gone, as from a
    bucket that was emptied, the whole is listed.

    Parameters
    ----------
    is_whole
        List the whole, wherever an earlier listing has come.
    """
    store, source = run.inbox.store, run.source_settings
    if not isinstance(store, OrderedStore):
        return Beginning()
    position = await run.transact(
        listings.position,
        run.queue.source_id,
        resumed_within=_RESUMED_WITHIN,
        whole_within=timedelta(days=source.whole_listing_days),
    )
    goes_on = position.whole_is_under_way or (source.arrives_in_order and position.whole_is_recent)
    key = position.reached_key
    if key is None or is_whole or not goes_on or not await store.has(key):
        return Beginning(None, await run.transact(listings.begin_whole, run.queue.source_id))
    return Beginning(key, position.began_at)


async def record_reached(run: ScoringRun, begin: Beginning) -> None:
    """Record how far a run's listing has come, once all up to there is entered."""
    key = run.listing.reached
    if key is not None and isinstance(run.inbox.store, OrderedStore):
        await run.transact(listings.reach, run.queue.source_id, key, begin.began_at)


async def record_end(run: ScoringRun, begin: Beginning, *, is_believed: bool) -> None:
    """Record that a run's listing came to its end; after one that is not believed, list anew."""
    if not isinstance(run.inbox.store, OrderedStore):
        return
    if is_believed:
        await run.transact(listings.end, run.queue.source_id, begin.began_at)
    else:
        await run.transact(listings.begin_whole, run.queue.source_id)
