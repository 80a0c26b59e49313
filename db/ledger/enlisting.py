"""Enlisting: what lies in a source, by content."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.attribution import attribute
from db.ledger import replaced
from db.ledger.claiming import Queue
from db.ledger.lock import lock_ledger
from db.ledger.places import KNOWN, SeenObject, arrays_of
from db.ledger.waiting import let_wait
from db.prepared import Prepared


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
    places = arrays_of([seen.place for seen in objects])
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


_BEFORE = Prepared(
    f"""
    SELECT shown.place, encode(content_sha256, 'hex') AS content_sha256,
        encode(record_sha256, 'hex') AS record_sha256
    FROM unnest(CAST(:digests AS uuid[])) WITH ORDINALITY AS shown (key_digest, place)
    {KNOWN}
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
    FROM {_SHOWN} {KNOWN}
    WHERE object.content_sha256 = shown.content_sha256
        AND object.record_sha256 = shown.record_sha256
        AND object.reason = 'superseded' AND sighting.object_id <> object.id
    """  # noqa: S608 - no value of a user is in it
)

_REPLACE = Prepared(
    f"""
    INSERT INTO replaced (source_id, key_digest, object_id)
    SELECT :source, shown.key_digest, sighting.object_id
    FROM {_SHOWN} {KNOWN} JOIN object USING (content_sha256, record_sha256)
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
