"""Moving scored files to the archive of their source, where one is set."""

from collections import Counter
from dataclasses import dataclass

from db.ledger import archiving, sources
from db.ledger.archiving import ArchivedPlace, ScoredPlace
from flows.concurrency import at_once
from flows.errors import InboxError
from flows.scoring.run import ScoringRun
from flows.sources import Addition, Archive
from severity.errors import IncompleteMetadata
from severity.files.sidecar import SidecarRecord

_BATCH = 256  # places that are moved in one transaction
_AT_ONCE = 8


@dataclass(frozen=True)
class Archived:
    """How many files a pass moved to the archive, and why others were not; empty if all were."""

    moved: int = 0
    fault: str = ""


async def archive_scored(run: ScoringRun) -> Archived:
    """Move the scored files of a run's source to its archive, if it has one.

    Each is put there, then its place in the ledger follows, then it is removed from the source: a
    run that is killed in between leaves it in both, and the next one goes on. What is rejected,
    failed or waits for a model version stays. So does a file that cannot be moved; the others are
    moved all the same, unless each of a whole batch fails.
    """
    archive = run.archive
    if archive is None:
        return Archived()
    try:
        archive_id = await run.transact(
            sources.register_archive, run.queue.source_id, archive.location
        )
    except LookupError as error:
        return Archived(fault=f"{archive.location} is no archive: {error}")
    moved, after, source_id, errors = 0, archiving.FIRST, run.queue.source_id, Counter[str]()
    while batch := await run.transact(
        archiving.scored_places, source_id, after=after, limit=_BATCH
    ):
        after, before = batch[-1].place.key_digest, errors.total()
        moved += await _move(run, archive, archive_id, batch, errors)
        if errors.total() - before >= len(batch):
            break  # the archive itself does not answer
    return Archived(moved, _fault(errors))


def _fault(errors: Counter[str]) -> str:
    """Return one line that tells how many files failed, and the most frequent cause."""
    if not errors:
        return ""
    ((cause, _),) = errors.most_common(1)
    count = errors.total()
    return f"{count} file{'s' * (count > 1)} could not be archived: {cause}."


async def _move(
    run: ScoringRun,
    archive: Archive,
    archive_id: int,
    batch: list[ScoredPlace],
    errors: Counter[str],
) -> int:
    """Move a batch, and count the errors by their messages; return how many files were moved."""

    async def add(scored: ScoredPlace) -> tuple[Addition, ArchivedPlace] | None:
        try:
            return await _added(run, archive, scored)
        except InboxError as error:
            errors[str(error)] += 1
        except IncompleteMetadata:
            pass  # its sidecar cannot be read now, which the summary tells
        return None

    async def remove(entry: tuple[Addition, ArchivedPlace]) -> None:
        try:
            await archive.remove(entry[0], entry[1].archived_key)
        except InboxError as error:
            errors[str(error)] += 1

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
