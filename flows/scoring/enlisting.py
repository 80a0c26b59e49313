"""Enlisting: entering what lies in an inbox into the ledger, by content."""

import asyncio
import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from db.engine import Transaction
from db.ledger import enlisting, sightings, sources
from db.ledger.places import ObstructedPlace, Place, SeenObject
from db.ledger.sightings import Gone, WholeListing
from flows.concurrency import at_once, in_batches
from flows.scoring.positions import listed_from, record_end, record_reached
from flows.scoring.run import Discovery, ScoringRun
from flows.sources import Listed, Obstacle, Portion
from severity.errors import InaccessibleImage, RejectedImage
from severity.images.limits import MOST_BYTES

_PORTION = 2048  # objects that are looked up at once
_CHUNK = 256  # objects that are read and entered in one transaction
_READERS = 4
_SEEN_BEFORE = 10_000  # objects that are enlisted for a new model version in one transaction
_ZEROS = bytes(4096)  # at its end, of a file whose size may have been reserved before it was copied
_UNKNOWN = UUID(int=0)  # the fingerprint of what was not read: it is read again by each pass


@dataclass
class _Survey:
    """What one listing showed, as far as it was drawn."""

    enlisted: int = 0
    deferred: int = 0
    is_empty: bool = True
    is_held: bool = False  # something was not entered that the listing showed as ready
    present: "array[int]" = field(default_factory=lambda: array("q"))
    hidden: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Unsettled:
    """A file that may have been copied in part: what it is if it is whole, and the look at it."""

    seen: SeenObject
    look: ObstructedPlace


async def enlist(run: ScoringRun, *, is_emptied: bool = False) -> Discovery:
    """Enter what lies in a run's inbox into the ledger; read only what is new or has changed.

    Parameters
    ----------
    is_emptied
        Believe that the inbox was emptied on purpose, if it is empty.
    """
    survey = _Survey()
    begin = await listed_from(run, is_whole=is_emptied)
    async for portion in run.listing.portions(_PORTION, after=begin.key):
        await _enlist_portion(run, portion, survey)
        if not survey.is_held:
            await record_reached(run, begin)
    survey.enlisted += await _enlist_seen_before(run)
    discovery = Discovery(
        enlisted=survey.enlisted,
        deferred=survey.deferred,
        unreadable_sidecars=len(run.listing.unreadable_sidecars),
    )
    if begin.key is None:
        discovery = await _look_for_gone(run, survey, discovery, is_emptied=is_emptied)
    await record_end(run, begin, is_believed=not discovery.missed)
    return discovery


async def _look_for_gone(
    run: ScoringRun, survey: _Survey, discovery: Discovery, *, is_emptied: bool
) -> Discovery:
    """Mark what a whole listing did not show, unless that is all or most of what was there."""
    is_emptied = is_emptied or run.source_settings.files_may_vanish
    if survey.is_empty and not is_emptied:
        before = await run.transact(sightings.count_present, run.queue.source_id)
        if before:
            return replace(discovery, seems_unmounted=True, missed=before)
    gone = await run.transact(_mark_gone, run, survey, is_emptied=is_emptied)
    return replace(discovery, missed=0 if gone.is_believed else gone.places)


def _mark_gone(session: Transaction, run: ScoringRun, survey: _Survey, *, is_emptied: bool) -> Gone:
    listed = WholeListing(survey.present, survey.hidden, may_be_unmounted=not is_emptied)
    return sightings.mark_gone(session, run.queue.source_id, run.run_id, listed)


async def _enlist_seen_before(run: ScoringRun) -> int:
    """Enlist what was seen before the model version was wanted; return how much waits for it."""
    source_id, version = run.queue.source_id, run.queue.model_version_id
    enlisted = 0
    while await run.transact(sources.want, source_id, model_version_id=version):
        enlisted += await run.transact(
            sources.enlist_seen, source_id, model_version_id=version, limit=_SEEN_BEFORE
        )
    return enlisted


async def _enlist_portion(run: ScoringRun, portion: Portion, survey: _Survey) -> None:
    """Enter one portion of a listing."""
    survey.deferred += len(portion.deferred)
    if portion.objects or portion.unseen or portion.deferred:
        survey.is_empty = False
    source_id = run.queue.source_id
    places = [_place(run, item) for item in portion.objects]
    unchanged = await run.transact(sightings.unchanged, source_id, places)
    survey.present.extend(unchanged.values())
    new = [index for index in range(len(places)) if index not in unchanged]
    # What lies there is another or waits, as for its sidecar: the place is not gone.
    others = [places[index] for index in new]
    others += [Place(key, _UNKNOWN) for key in portion.deferred]
    if others:
        survey.present.extend(await run.transact(sightings.known, source_id, others))
    for chunk in in_batches(new, _CHUNK):
        items = [(portion.objects[index], places[index]) for index in chunk]
        await _enlist_objects(run, items, survey)
    survey.hidden += [unseen.key for unseen in portion.unseen if unseen.is_folder]
    obstacles = [
        ObstructedPlace(Place(unseen.key, _UNKNOWN), unseen.reason, unseen.detail)
        for unseen in portion.unseen
    ]
    await _enlist_obstacles(run, obstacles)
    run.progress.listed()


def _place(run: ScoringRun, item: Listed) -> Place:
    return Place(item.key, run.fingerprint(item.fingerprint, run.listing.record(item.key)))


async def _enlist_objects(
    run: ScoringRun, items: Sequence[tuple[Listed, Place]], survey: _Survey
) -> None:
    """Read objects and enter them; one that has just gone is left for the next pass."""

    async def seen(item: tuple[Listed, Place]) -> SeenObject | ObstructedPlace | _Unsettled | None:
        return await _seen(run, *item)

    entries = await _looked_at_twice(run, await at_once(_READERS, seen, items))
    obstacles = [entry for entry in entries if isinstance(entry, ObstructedPlace)]
    survey.is_held = survey.is_held or len(obstacles) > 0 or None in entries
    survey.deferred += sum(entry is None for entry in entries)
    survey.deferred += sum(obstacle.reason == Obstacle.UNSETTLED for obstacle in obstacles)
    survey.enlisted += await run.transact(
        enlisting.enlist,
        run.queue.source_id,
        [entry for entry in entries if isinstance(entry, SeenObject)],
        model_version_id=run.queue.model_version_id,
    )
    await _enlist_obstacles(run, obstacles)


async def _looked_at_twice(
    run: ScoringRun, entries: Sequence[SeenObject | ObstructedPlace | _Unsettled | None]
) -> list[SeenObject | ObstructedPlace | None]:
    """Take files that have not settled as they are if an earlier pass saw them unchanged."""
    looks = [entry.look for entry in entries if isinstance(entry, _Unsettled)]
    if not looks:
        return [entry for entry in entries if not isinstance(entry, _Unsettled)]
    known = await run.transact(sightings.looked_at_before, run.queue.source_id, looks)
    unchanged = {looks[index].place for index in known}
    return [
        entry
        if not isinstance(entry, _Unsettled)
        else entry.seen
        if entry.look.place in unchanged
        else entry.look
        for entry in entries
    ]


async def _enlist_obstacles(run: ScoringRun, obstacles: Sequence[ObstructedPlace]) -> None:
    if obstacles:  # most portions have none, and need no transaction for them
        await run.transact(sightings.enlist_obstacles, run.queue.source_id, obstacles)


async def _seen(
    run: ScoringRun, item: Listed, place: Place
) -> SeenObject | ObstructedPlace | _Unsettled | None:
    """Read an object and hash it; None if it has just gone."""
    record = run.listing.record(item.key)
    try:
        content_sha256, ends_in_zeros = await _read(run, item)
    except InaccessibleImage:
        return ObstructedPlace(Place(item.key, _UNKNOWN), Obstacle.UNREADABLE_FILE)
    except RejectedImage:
        return None
    seen = SeenObject(place, content_sha256, run.record_sha256(record))
    if not (ends_in_zeros and run.listing.is_recent(item)):
        return seen
    content = run.fingerprint(f"{item.fingerprint}-{content_sha256}", record)
    return _Unsettled(seen, ObstructedPlace(Place(item.key, content), Obstacle.UNSETTLED))


async def _read(run: ScoringRun, item: Listed) -> tuple[str, bool]:
    """Return the hash of an object's content, and whether that ends in zeros."""
    if item.size > MOST_BYTES:
        # Never read: it is identified by where it lies, and rejected when it is claimed.
        identity = f"{run.inbox.location}\0{item.key}\0{item.fingerprint}"
        return hashlib.sha256(identity.encode()).hexdigest(), False
    content = await run.inbox.read(item.key, fingerprint=item.fingerprint)
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    return sha256, content.endswith(_ZEROS)
