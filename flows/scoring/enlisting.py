"""Enlisting: entering the objects of an inbox into the ledger, by content."""

import asyncio
import hashlib
from collections.abc import Sequence

from db import ledger
from db.ledger import SeenObject
from flows.concurrency import at_once
from flows.scoring.run import Discovery, ScoringRun
from flows.sources import Inbox, Listed
from severity.errors import RejectedImage
from severity.images.limits import MOST_BYTES

_CHUNK = 256  # objects per transaction
_READERS = 4
_LONGEST_PATH = 2500  # bytes of inbox and key; PostgreSQL fails on an index row beyond 2704


async def enlist(run: ScoringRun) -> Discovery:
    """Enter the objects that a run lists into the ledger; read only new and changed ones.

    An object that could not be seen or read, or has a path too long for the ledger, is deferred.
    """
    location, listing = run.inbox.location, run.listing
    enlisted = deferred = 0
    async for portion in listing.portions(_CHUNK):
        objects = [
            item
            for item in portion.objects
            if len(f"{location}{item.key}".encode()) <= _LONGEST_PATH
        ]
        seen = await _seen_objects(run, objects)
        deferred += portion.deferred + len(portion.unseen) + len(portion.objects) - len(seen)
        enlisted += await run.transact(
            ledger.enlist, location, seen, model_version_id=run.model_version_id
        )
    return Discovery(
        enlisted=enlisted,
        deferred=deferred,
        unreadable_sidecars=len(listing.unreadable_sidecars),
    )


async def _seen_objects(run: ScoringRun, objects: Sequence[Listed]) -> list[SeenObject]:
    """Return objects with their contents' hashes; those that cannot be read now are absent."""
    inbox, listing = run.inbox, run.listing
    fingerprints = {item.key: item.fingerprint for item in objects}
    unchanged = await run.transact(ledger.known_contents, inbox.location, fingerprints)
    changed = [item for item in objects if item.key not in unchanged]
    contents = unchanged | await _contents(inbox, changed)
    return [
        SeenObject(
            item.key,
            item.fingerprint,
            contents[item.key],
            run.record_sha256(listing.record(item.key)),
        )
        for item in objects
        if item.key in contents
    ]


async def _contents(inbox: Inbox, objects: Sequence[Listed]) -> dict[str, str]:
    """Hash objects, by key; those that cannot be read now are absent."""

    async def sha256(item: Listed) -> tuple[str, str] | None:
        try:
            return item.key, await _content_sha256(inbox, item)
        except RejectedImage:
            return None

    return dict(filter(None, await at_once(_READERS, sha256, objects)))


async def _content_sha256(inbox: Inbox, item: Listed) -> str:
    if item.size > MOST_BYTES:
        # Never read: it is identified by where it lies, and rejected when it is claimed.
        identity = f"{inbox.location}\0{item.key}\0{item.fingerprint}"
        return hashlib.sha256(identity.encode()).hexdigest()
    content = await inbox.read(item.key, fingerprint=item.fingerprint)
    return await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
