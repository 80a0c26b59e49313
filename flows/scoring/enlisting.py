"""Entering what lies in the inbox into the ledger, by content."""

import asyncio
import hashlib
from collections.abc import Sequence

from db import ledger
from db.ledger import SeenObject
from flows.concurrency import at_once, in_batches
from flows.resources import Resources
from flows.scoring.run import Work
from flows.sources import Inbox, Listed
from severity.errors import RejectedImage
from severity.images.limits import MOST_BYTES

_CHUNK = 256  # objects per transaction
_READERS = 4
_LONGEST_PLACE = 2500  # bytes of inbox and key; PostgreSQL fails on an index row beyond 2704


async def enlist_listing(work: Work, have: Resources) -> tuple[int, int]:
    """Enter what a run listed into the ledger; only what is new or changed is read.

    Returns
    -------
    How many objects wait now that did not before, and how many could not be read (or have
    a path too long for the ledger) and are left for the next pass.
    """
    inbox, listing = work.inbox, work.listing
    objects = [
        one
        for one in listing.objects
        if len(f"{inbox.location}{one.key}".encode()) <= _LONGEST_PLACE
    ]
    enlisted, unreadable = 0, len(listing.objects) - len(objects)
    for chunk in in_batches(objects, _CHUNK):
        with work.database.transaction() as session:
            known = ledger.known_contents(
                session, inbox.location, {one.key: one.fingerprint for one in chunk}
            )
        contents = await _contents(inbox, [one for one in chunk if one.key not in known])
        contents |= known
        seen = [
            SeenObject(
                one.key,
                one.fingerprint,
                contents[one.key],
                have.record_sha256(listing.record(one.key)),
            )
            for one in chunk
            if one.key in contents
        ]
        with work.database.transaction() as session:
            enlisted += ledger.enlist(
                session, inbox.location, seen, model_version_id=work.model_version_id
            )
        unreadable += len(chunk) - len(seen)
    return enlisted, unreadable


async def _contents(inbox: Inbox, objects: Sequence[Listed]) -> dict[str, str]:
    """Hash objects; those that cannot be read now are absent."""

    async def sha256(one: Listed) -> tuple[str, str] | None:
        try:
            return one.key, await _content_sha256(inbox, one)
        except RejectedImage:
            return None

    return dict(filter(None, await at_once(_READERS, sha256, objects)))


async def _content_sha256(inbox: Inbox, one: Listed) -> str:
    if one.size > MOST_BYTES:
        # Never read: it is known by where it lies, and rejected when it is claimed.
        place = f"{inbox.location}\0{one.key}\0{one.fingerprint}"
        return hashlib.sha256(place.encode()).hexdigest()
    content = await inbox.read(one.key, fingerprint=one.fingerprint)
    return await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
