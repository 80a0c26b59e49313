"""Rejected objects: why each was rejected, where it lies, and what became of the decision.

Object keys may name patients: for the operator's eyes, never for a log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.reading import history
from severity.domain import Reason


@dataclass(frozen=True)
class RejectionFilter:
    """Which rejected objects to list; all that are not dismissed, if nothing is chosen."""

    reason: Reason | None = None
    source: str | None = None
    with_dismissed: bool = False


@dataclass(frozen=True)
class Rejection:
    """A rejected object, and why it was rejected."""

    object_id: int
    source: str
    reason: str
    detail: str
    decided_at: datetime
    dismissed_at: datetime | None


@dataclass(frozen=True)
class ObjectPlace:
    """Where an object lies, or lay until ``gone_at``.

    ``archive_of`` is the source whose archive this is; None where it is no archive.
    """

    source: str
    object_key: str
    seen_at: datetime
    gone_at: datetime | None
    archive_of: str | None = None


@dataclass(frozen=True)
class UnreadPlace:
    """What cannot be read, a folder or a file, and why."""

    source: str
    object_key: str
    reason: str
    seen_at: datetime
    detail: str = ""


@dataclass(frozen=True)
class StoredObject:
    """An object with the decision on it, its places, and the corrections of the decision.

    ``reason`` and ``detail`` are empty unless it is rejected.
    """

    object_id: int
    source: str
    content_sha256: str
    state: str
    reason: str
    detail: str
    decided_at: datetime | None
    dismissed_at: datetime | None
    image_id: int | None
    places: tuple[ObjectPlace, ...]
    corrections: tuple[history.Correction, ...]


def rejected(
    session: Session, chosen: RejectionFilter, *, limit: int, offset: int = 0
) -> list[Rejection]:
    """List rejected objects, the latest decision first; a page of them."""
    values = _chosen(chosen) | {"limit": limit, "offset": offset}
    return [Rejection(*row) for row in session.execute(_REJECTED, values)]


def count(session: Session, chosen: RejectionFilter) -> int:
    """Count the rejected objects that `rejected` lists."""
    return session.scalar(_COUNT, _chosen(chosen)) or 0


def stored_object(session: Session, object_id: int) -> StoredObject | None:
    """Read one object, rejected or not; None if there is none."""
    row = session.execute(_OBJECT, {"object": object_id}).mappings().first()
    if row is None:
        return None
    return StoredObject(
        **row,
        places=tuple(places(session, [object_id]).get(object_id, ())),
        corrections=tuple(history.of_object(session, object_id)),
    )


def places(session: Session, object_ids: Sequence[int]) -> dict[int, list[ObjectPlace]]:
    """List where objects lie, by object: first where they still do, in the order of finding."""
    by_object: dict[int, list[ObjectPlace]] = {}
    for object_id, *columns in session.execute(_PLACES, {"objects": list(object_ids)}):
        by_object.setdefault(object_id, []).append(ObjectPlace(*columns))
    return by_object


def unread(session: Session) -> list[UnreadPlace]:
    """List what lies in the sources and cannot be listed, opened or named, by source and key."""
    return [UnreadPlace(*row) for row in session.execute(_UNREAD)]


def _chosen(chosen: RejectionFilter) -> dict[str, object]:
    return {
        "reason": chosen.reason.value if chosen.reason else None,
        "source": chosen.source,
        "with_dismissed": chosen.with_dismissed,
    }


_CHOSEN = """
    FROM rejections
    WHERE reason = coalesce(CAST(:reason AS text), reason)
        AND source = coalesce(CAST(:source AS text), source)
        AND (:with_dismissed OR dismissed_at IS NULL)
"""

_REJECTED = text(
    f"""
    SELECT object_id, source, reason, detail, decided_at, dismissed_at
    {_CHOSEN}
    ORDER BY decided_at DESC, object_id DESC LIMIT :limit OFFSET :offset
    """
)

_COUNT = text(f"SELECT count(*) {_CHOSEN}")

_OBJECT = text(
    """
    SELECT object.id AS object_id, location AS source,
        encode(content_sha256, 'hex') AS content_sha256, CAST(state AS text) AS state,
        coalesce(reason, '') AS reason, coalesce(detail, '') AS detail, decided_at, dismissed_at,
        image_id
    FROM object JOIN source ON source.id = object.source_id
    WHERE object.id = :object
    """
)

_PLACES = text(
    """
    SELECT object_id, source.location, object_key, seen_at, gone_at, archived.location
    FROM sighting JOIN source ON source.id = sighting.source_id
    LEFT JOIN source AS archived ON archived.id = source.archive_of_id
    WHERE object_id = ANY (CAST(:objects AS bigint[]))
    ORDER BY gone_at IS NOT NULL, sighting.id
    """
)

_UNREAD = text(
    """
    SELECT location, object_key, obstacle, seen_at, coalesce(obstacle_detail, '')
    FROM sighting JOIN source ON source.id = sighting.source_id
    WHERE obstacle IS NOT NULL AND gone_at IS NULL
    ORDER BY location, object_key
    """
)
