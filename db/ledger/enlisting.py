"""Enlisting: what lies in a source, by content, and what keeps the rest from being seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.attribution import attribute
from db.ledger import replaced
from db.ledger.claiming import Queue
from db.ledger.lock import lock_ledger
from db.ledger.waiting import let_wait
from db.prepared import Prepared


def key_digest(object_key: str) -> UUID:
    """Return a digest of a key, which may be longer than any index allows."""
    return UUID(bytes=sha256(object_key.encode()).digest()[:16])


@dataclass(frozen=True)
class Place:
    """A key in a source, and what is known of the object there without reading it.

    ``fingerprint`` changes when the object or its sidecar record does.
    """

    object_key: str
    fingerprint: UUID

    @property
    def key_digest(self) -> UUID:
        """The digest of the key."""
        return key_digest(self.object_key)


@dataclass(frozen=True)
class SeenObject:
    """An object that was read: where it lies and what it contains.

    The hashes are hexadecimal. ``record_sha256`` is the keyed hash of its sidecar record, empty
    without one.
    """

    place: Place
    content_sha256: str
    record_sha256: str = ""


@dataclass(frozen=True)
class ObstructedPlace:
    """A place that cannot be read: it is counted as unread, and never skipped silently."""

    place: Place
    reason: str
    detail: str = ""


def unchanged(session: Session, source_id: int, places: Sequence[Place]) -> Mapping[int, int]:
    """Look up the places that need not be read again.

    Returns
    -------
    The ids of their sightings, by the place's index in ``places``.
    """
    rows = _UNCHANGED.execute(session, {"source": source_id, **_of_places(places)})
    return {row.place - 1: row.id for row in rows}


def enlist(
    session: Session, source_id: int, objects: Sequence[SeenObject], *, model_version_id: int
) -> int:
    """Enter objects into the ledger, for all model versions that are wanted there.

    An object that is known stays as it is, unless it was superseded and lies there again. A key
    with another content than before keeps the connection to it: what is new may be the whole of a
    file that was half copied.

    Returns
    -------
    How many objects wait here now for ``model_version_id`` that did not before.
    """
    if not objects:
        return 0
    lock_ledger(session)
    attribute(session, who="listing", what="shown again", why="its source shows it, or its record")
    values = _shown(session, source_id, objects)
    for statement in (_DESCRIBE, _ADD_OBJECTS, _RECEIVE_AGAIN):
        statement.execute(session, values)
    earlier = list(_REPLACE.execute(session, values).scalars())
    shown = list(_SIGHT.execute(session, values).scalars())
    replaced.reject_unread(session, earlier)
    waiting = let_wait(session, shown, source_id=source_id)
    return waiting.count(Queue(source_id, model_version_id))


def _shown(session: Session, source_id: int, objects: Sequence[SeenObject]) -> dict[str, object]:
    """Return what is shown now, as arrays.

    A sidecar record that is no longer there does not undo what was decided by it.
    """
    places = _of_places([seen.place for seen in objects])
    before = {
        row.place - 1: row for row in _BEFORE.execute(session, {"source": source_id, **places})
    }
    records = [seen.record_sha256 for seen in objects]
    for index, row in before.items():
        if not records[index] and row.content_sha256 == objects[index].content_sha256:
            records[index] = row.record_sha256
    return {
        "source": source_id,
        "contents": [seen.content_sha256 for seen in objects],
        "records": records,
        **places,
    }


def enlist_obstacles(
    session: Session, source_id: int, obstacles: Sequence[ObstructedPlace]
) -> None:
    """Enter places that cannot be read; what was read there before stays as it was."""
    if not obstacles:
        return
    lock_ledger(session)
    _OBSTRUCT.execute(session, {"source": source_id, **_of_obstacles(obstacles)})


def looked_at_before(
    session: Session, source_id: int, obstacles: Sequence[ObstructedPlace]
) -> frozenset[int]:
    """Find the obstacles that were entered before and have not changed since.

    Returns
    -------
    Their indices in ``obstacles``. Also of places where an object lies: what takes its place is
    read at once, and superseded if it was not whole.
    """
    rows = _LOOKED_AT.execute(session, {"source": source_id, **_of_obstacles(obstacles)})
    return frozenset(row.place - 1 for row in rows)


def mark_gone(
    session: Session, source_id: int, run_id: int, *, present: Iterable[int], hidden: Sequence[str]
) -> int:
    """Mark the places of a source that a whole listing did not show.

    Parameters
    ----------
    run_id
        The run that listed it; what others saw after its start is left alone.
    present
        The ids of the sightings that it found unchanged.
    hidden
        Folders that could not be listed: nothing is known of what lies in them.

    Returns
    -------
    How many places were marked.
    """
    lock_ledger(session)
    values = {
        "source": source_id,
        "run": run_id,
        "present": _array(present),
        "hidden": [folder + "/" for folder in hidden],
    }
    return len(session.execute(_MARK_GONE, values).all())


def count_present(session: Session, source_id: int) -> int:
    """Count the places of a source that were there when it was last listed."""
    return session.scalar(_COUNT_PRESENT, {"source": source_id}) or 0


def _of_obstacles(obstacles: Sequence[ObstructedPlace]) -> dict[str, object]:
    return {
        "reasons": [obstacle.reason for obstacle in obstacles],
        "details": [obstacle.detail for obstacle in obstacles],
        **_of_places([obstacle.place for obstacle in obstacles]),
    }


def _of_places(places: Sequence[Place]) -> dict[str, object]:
    return {
        "keys": [place.object_key for place in places],
        "digests": _array(place.key_digest for place in places),
        "fingerprints": _array(place.fingerprint for place in places),
    }


def _array(values: Iterable[UUID | int]) -> str:
    """Write an array as PostgreSQL does: of many values it reads that faster than an expression."""
    return "{" + ",".join(map(str, values)) + "}"


# What is known of a place. By its key, even where the planner knows little yet of a source and its
# million places: without OFFSET it would read all of them.
_KNOWN = """
    CROSS JOIN LATERAL (
        SELECT * FROM sighting WHERE source_id = :source AND key_digest = shown.key_digest OFFSET 0
    ) AS sighting
"""

_UNCHANGED = Prepared(
    f"""
    SELECT shown.place, sighting.id
    FROM unnest(CAST(:digests AS uuid[]), CAST(:fingerprints AS uuid[])) WITH ORDINALITY
        AS shown (key_digest, fingerprint, place)
    {_KNOWN}
    WHERE sighting.fingerprint = shown.fingerprint
        AND sighting.gone_at IS NULL AND sighting.obstacle IS NULL
    """  # noqa: S608 - no value of a user is in it
)

_LOOKED_AT = Prepared(
    f"""
    SELECT shown.place
    FROM unnest(
        CAST(:digests AS uuid[]), CAST(:fingerprints AS uuid[]), CAST(:reasons AS text[])
    ) WITH ORDINALITY AS shown (key_digest, fingerprint, reason, place)
    {_KNOWN}
    WHERE sighting.object_id IS NOT NULL
        OR (sighting.fingerprint = shown.fingerprint AND sighting.obstacle = shown.reason)
    """  # noqa: S608 - no value of a user is in it
)

_BEFORE = Prepared(
    f"""
    SELECT shown.place, encode(content_sha256, 'hex') AS content_sha256,
        encode(record_sha256, 'hex') AS record_sha256
    FROM unnest(CAST(:digests AS uuid[])) WITH ORDINALITY AS shown (key_digest, place)
    {_KNOWN}
    JOIN object ON object.id = sighting.object_id AND object.state <> 'received'
    """  # noqa: S608 - no value of a user is in it
)

_SHOWN = """
    (
        SELECT place, object_key, key_digest, fingerprint,
            decode(content, 'hex') AS content_sha256, decode(record, 'hex') AS record_sha256
        FROM unnest(
            CAST(:keys AS text[]), CAST(:digests AS uuid[]), CAST(:fingerprints AS uuid[]),
            CAST(:contents AS text[]), CAST(:records AS text[])
        ) WITH ORDINALITY AS seen (object_key, key_digest, fingerprint, content, record, place)
    ) AS shown
"""

# An image without a sidecar record is rejected; a record that comes later brings it back, as the
# same object: it was seen once.
_DESCRIBE = Prepared(
    f"""
    UPDATE object SET
        record_sha256 = described.record_sha256, state = 'received', reason = NULL,
        detail = NULL, run_id = NULL, decided_at = NULL, dismissed_at = NULL
    FROM (
        SELECT content_sha256, min(record_sha256) AS record_sha256
        FROM {_SHOWN} WHERE record_sha256 <> '' GROUP BY content_sha256
    ) AS described
    WHERE object.content_sha256 = described.content_sha256 AND object.record_sha256 = ''
        AND (object.state = 'received' OR object.reason = 'no_sidecar_record')
        AND NOT EXISTS (
            SELECT FROM object AS other
            WHERE other.content_sha256 = described.content_sha256
                AND other.record_sha256 = described.record_sha256
        )
    """  # noqa: S608 - no value of a user is in it
)

# A file of a patient who was erased stays erased, whatever its sidecar record says now.
_ADD_OBJECTS = Prepared(
    f"""
    INSERT INTO object
        (source_id, content_sha256, record_sha256, state, reason, decided_at)
    SELECT :source, content_sha256, record_sha256,
        CAST(CASE WHEN is_forgotten THEN 'rejected' ELSE 'received' END AS object_state),
        CASE WHEN is_forgotten THEN 'forgotten' END,
        CASE WHEN is_forgotten THEN clock_timestamp() END
    FROM (
        SELECT content_sha256, record_sha256, min(place) AS place,
            EXISTS (
                SELECT FROM object AS erased
                WHERE erased.content_sha256 = shown.content_sha256 AND erased.reason = 'forgotten'
            ) AS is_forgotten
        FROM {_SHOWN}
        GROUP BY content_sha256, record_sha256
    ) AS shown
    WHERE NOT EXISTS (
        SELECT FROM object
        WHERE object.content_sha256 = shown.content_sha256
            AND object.record_sha256 = shown.record_sha256
    )
    ORDER BY place
    """  # noqa: S608 - no value of a user is in it
)

# A corrected file was replaced by the earlier one: that says again what holds.
_RECEIVE_AGAIN = Prepared(
    f"""
    UPDATE object SET
        state = 'received', reason = NULL, detail = NULL, run_id = NULL, decided_at = NULL,
        dismissed_at = NULL
    FROM {_SHOWN} {_KNOWN}
    WHERE object.content_sha256 = shown.content_sha256
        AND object.record_sha256 = shown.record_sha256
        AND object.reason = 'superseded' AND sighting.object_id <> object.id
    """  # noqa: S608 - no value of a user is in it
)

_REPLACE = Prepared(
    f"""
    INSERT INTO replaced (source_id, key_digest, object_id)
    SELECT :source, shown.key_digest, sighting.object_id
    FROM {_SHOWN} {_KNOWN} JOIN object USING (content_sha256, record_sha256)
    WHERE sighting.object_id <> object.id
    ON CONFLICT ON CONSTRAINT pk_replaced DO UPDATE SET replaced_at = excluded.replaced_at
    RETURNING object_id
    """  # noqa: S608 - no value of a user is in it
)

_SIGHT = Prepared(
    f"""
    INSERT INTO sighting
        (source_id, key_digest, fingerprint, object_key, object_id, is_copy)
    SELECT :source, key_digest, fingerprint, object_key, object.id,
        object.source_id <> :source
        OR row_number() OVER (PARTITION BY object.id ORDER BY place) > 1
        OR EXISTS (
            SELECT FROM sighting AS other
            WHERE other.object_id = object.id
                AND (other.source_id, other.key_digest) <> (:source, shown.key_digest)
        )
    FROM {_SHOWN} JOIN object USING (content_sha256, record_sha256)
    ORDER BY place
    ON CONFLICT (source_id, key_digest) DO UPDATE SET
        fingerprint = excluded.fingerprint,
        object_id = excluded.object_id,
        is_copy = CASE
            WHEN sighting.object_id = excluded.object_id THEN sighting.is_copy
            ELSE excluded.is_copy
        END,
        obstacle = NULL,
        obstacle_detail = NULL,
        seen_at = now(),
        gone_at = NULL
    RETURNING object_id
    """  # noqa: S608 - no value of a user is in it
)

_OBSTRUCT = Prepared(
    """
    INSERT INTO sighting
        (source_id, key_digest, fingerprint, object_key, obstacle, obstacle_detail)
    SELECT :source, key_digest, fingerprint, object_key, reason, detail
    FROM unnest(
        CAST(:keys AS text[]), CAST(:digests AS uuid[]), CAST(:fingerprints AS uuid[]),
        CAST(:reasons AS text[]), CAST(:details AS text[])
    ) AS seen (object_key, key_digest, fingerprint, reason, detail)
    ON CONFLICT (source_id, key_digest) DO UPDATE SET
        obstacle = CASE WHEN sighting.object_id IS NULL THEN excluded.obstacle END,
        fingerprint = CASE
            WHEN sighting.object_id IS NULL THEN excluded.fingerprint ELSE sighting.fingerprint
        END,
        obstacle_detail = excluded.obstacle_detail,
        seen_at = now(),
        -- A place that was lost is read again once it can be.
        gone_at = CASE WHEN sighting.object_id IS NOT NULL THEN sighting.gone_at END
    """
)

_MARK_GONE = text(
    """
    UPDATE sighting SET gone_at = now()
    FROM run
    WHERE sighting.source_id = :source AND sighting.gone_at IS NULL
        AND run.id = :run AND sighting.seen_at < run.started_at
        AND sighting.id <> ALL (CAST(:present AS bigint[]))
        AND NOT EXISTS (
            SELECT FROM unnest(CAST(:hidden AS text[])) AS folder
            WHERE starts_with(sighting.object_key, folder)
        )
    RETURNING sighting.id
    """
)

_COUNT_PRESENT = text("SELECT count(*) FROM sighting WHERE source_id = :source AND gone_at IS NULL")
