"""Where the listing of a source begins: at its first key, or where an earlier one has come."""

from datetime import timedelta

from db.ledger import listings
from flows.scoring.run import ScoringRun
from flows.sources import OrderedStore

_RESUMED_WITHIN = timedelta(days=1)  # what changed before it is seen by the next whole listing


async def listed_from(run: ScoringRun, *, is_whole: bool) -> str | None:
    """Return the key behind which a run lists its source; None lists it from its first key on.

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
        return None
    position = await run.transact(
        listings.position,
        run.queue.source_id,
        resumed_within=_RESUMED_WITHIN,
        whole_within=timedelta(days=source.whole_listing_days),
    )
    goes_on = position.whole_is_under_way or (source.arrives_in_order and position.whole_is_recent)
    key = position.reached_key
    if key is None or is_whole or not goes_on or not await store.has(key):
        await run.transact(listings.begin_whole, run.queue.source_id)
        return None
    return key


async def record_reached(run: ScoringRun) -> None:
    """Record how far a run's listing has come, once all up to there is entered."""
    key = run.listing.reached
    if key is not None and isinstance(run.inbox.store, OrderedStore):
        await run.transact(listings.reach, run.queue.source_id, key)


async def record_end(run: ScoringRun, *, is_believed: bool) -> None:
    """Record that a run's listing came to its end; after one that is not believed, list anew."""
    if isinstance(run.inbox.store, OrderedStore):
        ended = listings.end if is_believed else listings.begin_whole
        await run.transact(ended, run.queue.source_id)
