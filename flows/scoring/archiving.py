"""Moving scored files to the archive of their source, where one is set."""

from db.engine import Transaction
from db.ledger import archiving, sources
from db.ledger.archiving import ArchivedPlace, ScoredPlace
from flows.concurrency import at_once
from flows.errors import InboxError
from flows.scoring.run import ScoringRun
from flows.sources import Addition, Archive
from severity.files.sidecar import SidecarRecord

_BATCH = 256  # places that are moved in one transaction
_AT_ONCE = 8


async def archive_scored(run: ScoringRun) -> int:
    """Move the scored files of a run's source to its archive, if it has one.

    Each is put there, then its place in the ledger follows, then it is removed from the source: a
    run that is killed in between leaves it in both, and the next one goes on. What is rejected,
    failed or waits for a model version stays.

    Returns
    -------
    How many files were moved.

    Raises
    ------
    InboxError
        The archive cannot be written.
    """
    archive = run.archive
    if archive is None:
        return 0
    archive_id = await run.transact(_registered, run, archive)
    moved, after, source_id = 0, archiving.FIRST, run.queue.source_id
    while batch := await run.transact(
        archiving.scored_places, source_id, after=after, limit=_BATCH
    ):
        after = batch[-1].place.key_digest
        moved += await _move(run, archive, archive_id, batch)
    return moved


def _registered(session: Transaction, run: ScoringRun, archive: Archive) -> int:
    try:
        return sources.register_archive(session, run.queue.source_id, archive.location)
    except LookupError as error:
        raise InboxError(f"{archive.location} is no archive: {error}") from None


async def _move(
    run: ScoringRun, archive: Archive, archive_id: int, batch: list[ScoredPlace]
) -> int:
    async def add(scored: ScoredPlace) -> tuple[Addition, ArchivedPlace] | None:
        return await _added(run, archive, scored)

    async def remove(entry: tuple[Addition, ArchivedPlace]) -> None:
        await archive.remove(entry[0], entry[1].archived_key)

    added = [entry for entry in await at_once(_AT_ONCE, add, batch) if entry is not None]
    if not added:
        return 0
    places = [place for _, place in added]
    moved = await run.transact(archiving.move, run.queue.source_id, archive_id, places)
    await at_once(_AT_ONCE, remove, [entry for entry in added if entry[1] in moved])
    return len(moved)


async def _added(
    run: ScoringRun, archive: Archive, scored: ScoredPlace
) -> tuple[Addition, ArchivedPlace] | None:
    """Put a file into the archive; None if it is gone or no longer what was scored."""
    key = scored.place.object_key
    addition = _addition(run, scored, run.listing.record(key))
    archived_key = await archive.add(addition)
    if archived_key is None:  # the listing may not have shown its sidecar
        addition = _addition(run, scored, await run.inbox.record(key))
        archived_key = await archive.add(addition)
    return None if archived_key is None else (addition, ArchivedPlace(scored, archived_key))


def _addition(run: ScoringRun, scored: ScoredPlace, record: SidecarRecord | None) -> Addition:
    place = scored.place
    return Addition(
        place.object_key,
        scored.object_id,
        lambda fingerprint: run.fingerprint(fingerprint, record) == place.fingerprint,
    )
