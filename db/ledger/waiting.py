"""Work that waits: for each model version that wants an object, where the object can be read."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.ledger.claiming import Queue
from db.prepared import Prepared


def let_wait(session: Session, object_ids: Sequence[int], *, source_id: int = 0) -> list[Queue]:
    """Let objects wait for each model version that wants them and has not scored them.

    A version wants what lies in its source, and what counts there. It waits where the object lies
    now, or else where it was first seen.

    Parameters
    ----------
    source_id
        The source that shows the objects now: what had vanished, or waits in another source, which
        may be listed no more, waits here from now on.

    Returns
    -------
    In which queue each of them waits that did not wait there before.
    """
    values = {"objects": list(object_ids), "source": source_id}
    return [Queue(*row) for row in _ADD_WORK.execute(session, values)]


CALL_BACK = """
    ON CONFLICT (object_id, model_version_id) DO UPDATE SET
        source_id = excluded.source_id, state = 'waiting', reason = NULL, detail = NULL
    WHERE excluded.source_id = :source AND (
        work.reason = 'vanished'
        OR (work.state = 'waiting' AND work.source_id <> excluded.source_id)
    )
"""
"""Ends the insertion of work that may exist: what had vanished, or waits elsewhere, waits here."""

DROP_REJECTED = Prepared(
    """
    DELETE FROM work USING object
    WHERE work.object_id = ANY (CAST(:objects AS bigint[])) AND object.id = work.object_id
        AND object.state = 'rejected'
    """
)
"""Drops what waits of those of some objects that are rejected, for all model versions."""

_ADD_WORK = Prepared(
    f"""
    INSERT INTO work (object_id, source_id, counts_in_id, model_version_id, is_judged)
    SELECT object.id, wants.source_id, object.source_id, wants.model_version_id,
        object.state = 'accepted'
    FROM (
        SELECT object_id, min(place) AS place
        FROM unnest(CAST(:objects AS bigint[])) WITH ORDINALITY AS shown (object_id, place)
        GROUP BY object_id
    ) AS shown
    JOIN object ON object.id = shown.object_id
    LEFT JOIN image ON image.id = object.image_id
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (wanted.model_version_id) wanted.model_version_id, wanted.source_id
        FROM (
            SELECT coalesce(place.archive_of_id, place.id) AS source_id, true AS is_there
            FROM (
                SELECT source_id FROM sighting
                WHERE sighting.object_id = object.id AND gone_at IS NULL
                -- By the object, even where little is known yet of a source and its million places.
                OFFSET 0
            ) AS present JOIN source AS place ON place.id = present.source_id
            UNION SELECT object.source_id, false
        ) AS lies JOIN wanted ON wanted.source_id = lies.source_id
        ORDER BY wanted.model_version_id, wanted.source_id = :source DESC, is_there DESC,
            wanted.source_id
    ) AS wants
    WHERE (object.state = 'received' OR image.standing = 'valid')
        AND NOT EXISTS (
            SELECT FROM score
            WHERE score.image_id = object.image_id
                AND score.model_version_id = wants.model_version_id
        )
    ORDER BY shown.place
    {CALL_BACK}
    RETURNING source_id, model_version_id
    """  # noqa: S608 - no value of a user is in it
)
