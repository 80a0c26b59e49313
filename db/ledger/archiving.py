"""Which files of a source may go to its archive, and where they lie once they did."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger
from db.ledger.places import Place, as_array, key_digest

FIRST = UUID(int=0)
"""Before the digests of all keys."""


@dataclass(frozen=True)
class ScoredPlace:
    """A place whose object is an image that no model version has yet to score."""

    object_id: int
    place: Place


@dataclass(frozen=True)
class ArchivedPlace:
    """A place, and the key of its object in the archive."""

    scored: ScoredPlace
    archived_key: str


def scored_places(
    session: Session, source_id: int, *, after: UUID, limit: int
) -> list[ScoredPlace]:
    """List the next places of a source, in the order of the keys' digests, that may be archived."""
    values = {"source": source_id, "after": after, "limit": limit}
    return [
        ScoredPlace(row.object_id, Place(row.object_key, row.fingerprint))
        for row in session.execute(_SCORED, values)
    ]


def move(
    session: Session, source_id: int, archive_id: int, places: Sequence[ArchivedPlace]
) -> list[ArchivedPlace]:
    """Let places of a source be places of its archive.

    One that is there already, since a run was killed before it removed the file, is gone here. What
    lay under its key in the archive before is no longer there.

    Returns
    -------
    Those whose file may be removed from the source. Of the others something else lies there by now.
    """
    lock_ledger(session)
    values = {
        "source": source_id,
        "archive": archive_id,
        "objects": [place.scored.object_id for place in places],
        "digests": as_array(place.scored.place.key_digest for place in places),
        "fingerprints": as_array(place.scored.place.fingerprint for place in places),
        "archived_digests": as_array(key_digest(place.archived_key) for place in places),
        "archived_keys": [place.archived_key for place in places],
    }
    left = session.scalars(_LEAVE, values).all()
    session.execute(_CLEAR, values)
    moved = {*left, *session.scalars(_MOVE, values)}
    return [place for place in places if place.scored.place.key_digest in moved]


_SCORED = text(
    """
    SELECT object.id AS object_id, object_key, fingerprint
    FROM sighting
    JOIN object ON object.id = sighting.object_id
    JOIN image ON image.id = object.image_id
    WHERE sighting.source_id = :source AND sighting.key_digest > :after
        AND sighting.gone_at IS NULL AND image.standing = 'valid'
        AND EXISTS (SELECT FROM score WHERE score.image_id = image.id)
        AND NOT EXISTS (SELECT FROM work WHERE work.object_id = object.id)
    ORDER BY sighting.key_digest LIMIT :limit
    """
)

_ARCHIVED = """
    unnest(
        CAST(:objects AS bigint[]), CAST(:digests AS uuid[]), CAST(:fingerprints AS uuid[]),
        CAST(:archived_digests AS uuid[]), CAST(:archived_keys AS text[])
    ) AS archived (object_id, key_digest, fingerprint, archived_digest, archived_key)
"""

# Another run may have seen another file there since.
_IS_SAME = """
    sighting.source_id = :source AND sighting.key_digest = archived.key_digest
    AND sighting.object_id = archived.object_id AND sighting.fingerprint = archived.fingerprint
    AND sighting.gone_at IS NULL
"""

_LEAVE = text(
    f"""
    UPDATE sighting SET gone_at = now()
    FROM {_ARCHIVED} JOIN sighting AS there
        ON there.source_id = :archive AND there.key_digest = archived.archived_digest
    WHERE {_IS_SAME} AND there.object_id = sighting.object_id
    RETURNING sighting.key_digest
    """  # noqa: S608 - no value of a user is in it
)

# The archive was cleared since: what takes the key lies there now, and the other nowhere.
_CLEAR = text(
    f"""
    DELETE FROM sighting AS there USING {_ARCHIVED}, sighting
    WHERE there.source_id = :archive AND there.key_digest = archived.archived_digest
        AND there.object_id IS DISTINCT FROM sighting.object_id
        AND {_IS_SAME}
    """  # noqa: S608 - no value of a user is in it
)

_MOVE = text(
    f"""
    UPDATE sighting SET
        source_id = :archive, key_digest = archived.archived_digest,
        object_key = archived.archived_key
    FROM {_ARCHIVED}
    WHERE {_IS_SAME}
    RETURNING archived.key_digest
    """  # noqa: S608 - no value of a user is in it
)
