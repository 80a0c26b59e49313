"""Enlisting the images of a request: work for its model version, where each file lies now."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger


def enlist(session: Session, request_id: int, *, limit: int) -> bool:
    """Let the next images of a request wait for its model version, where each of them lies.

    What its model version has scored is left out; what lies nowhere any more is counted as gone.

    Parameters
    ----------
    limit
        The most images that are looked at: those of other days count too.

    Returns
    -------
    Whether it must be called again: more images have yet to be looked at.
    """
    lock_ledger(session)
    chosen = session.execute(_REQUEST, {"id": request_id}).mappings().first()
    if chosen is None:
        return False
    values: dict[str, Any] = {**chosen, "limit": limit}
    images = list(session.scalars(_LISTED if chosen["is_list"] else _NEXT, values))
    if images:
        _enlist(session, values, images)
    ended = len(images) < limit
    values["last"] = None if ended else images[-1]
    session.execute(_ENLISTED_TO, values)
    if ended:
        session.execute(_DROP_LISTS)
    return not ended


def call_back(session: Session) -> int:
    """Let images wait again that were gone, and that a pass saw again; return how many."""
    lock_ledger(session)
    return len(session.execute(_CALL_BACK).all())


def _enlist(session: Session, request: Mapping[str, Any], images: list[int]) -> None:
    values = {**request, "images": images}
    selected, entered = session.execute(_ENLIST, values).one()
    if selected > entered:
        session.execute(_COUNT_BEFORE, {**request, "n": selected - entered})


_REQUEST = text(
    """
    SELECT id, model_version_id AS model, enlisted_to AS after, newest_image_id AS newest,
        first_day, last_day, is_list
    FROM rescoring WHERE id = :id AND enlisted_to IS NOT NULL FOR UPDATE
    """
)

_NEXT = text("SELECT id FROM image WHERE id > :after AND id <= :newest ORDER BY id LIMIT :limit")

_LISTED = text(
    """
    SELECT image_id FROM rescoring_image
    WHERE rescoring_id = :id AND image_id > :after ORDER BY image_id LIMIT :limit
    """
)

PLACE_OF_OBJECT = """
    SELECT coalesce(source.archive_of_id, present.source_id) AS source_id FROM (
        SELECT id, source_id FROM sighting WHERE sighting.object_id = object.id AND gone_at IS NULL
        -- By the object, even where little is known yet of a source and its million places.
        OFFSET 0
    ) AS present JOIN source ON source.id = present.source_id
    ORDER BY coalesce(source.archive_of_id, source.id) <> object.source_id, present.id LIMIT 1
"""
"""The source where a row of ``object`` lies now, or in whose archive: its own, if it does."""


def is_of_days(first: str, last: str) -> str:
    """Return the condition that a row of ``image`` was acquired on the days of two expressions.

    A date alone is kept as its midnight: half a day later it is the same date in UTC.
    """
    return f"""(
                num_nonnulls(CAST({first} AS date), CAST({last} AS date)) = 0
                OR acquired_source <> 'sidecar_offset' AND CAST(
                    (acquired_at + CASE WHEN is_date_alone(acquired_source)
                        THEN interval '12 hours' ELSE interval '0' END) AT TIME ZONE 'UTC' AS date
                ) BETWEEN coalesce(CAST({first} AS date), '-infinity')
                    AND coalesce(CAST({last} AS date), 'infinity')
            )"""


_ENLIST = text(
    f"""
    WITH selected AS (
        SELECT object.id AS object_id, object.source_id AS counts_in_id, place.source_id,
            EXISTS (
                SELECT FROM score
                WHERE score.image_id = image.id AND score.model_version_id = :model
            ) AS is_scored
        FROM image JOIN object ON object.image_id = image.id
        LEFT JOIN LATERAL ({PLACE_OF_OBJECT}) AS place ON true
        WHERE image.id = ANY (CAST(:images AS bigint[]))
            AND object.state = 'accepted' AND image.standing = 'valid'
            AND {is_of_days(":first_day", ":last_day")}
    ), entered AS (
        INSERT INTO work (
            object_id, source_id, counts_in_id, model_version_id, rescoring_id, is_judged,
            state, reason, detail
        )
        SELECT object_id, coalesce(source_id, counts_in_id), counts_in_id, :model, :id, true,
            CAST(CASE WHEN source_id IS NULL THEN 'failed' ELSE 'waiting' END AS work_state),
            CASE WHEN source_id IS NULL THEN 'vanished' END,
            CASE WHEN source_id IS NULL THEN 'it is no longer where it was seen' END
        FROM selected WHERE NOT is_scored ORDER BY object_id
        ON CONFLICT (object_id, model_version_id) DO UPDATE SET rescoring_id = excluded.rescoring_id
        WHERE work.rescoring_id IS NULL
        RETURNING object_id
    )
    SELECT (SELECT count(*) FROM selected), (SELECT count(*) FROM entered)
    """  # noqa: S608 - no value of a user is in it
)

_COUNT_BEFORE = text(
    """
    INSERT INTO rescoring_count AS kept (rescoring_id, what, n) VALUES (:id, 'before', :n)
    ON CONFLICT (rescoring_id, what) DO UPDATE SET n = kept.n + excluded.n
    """
)

_ENLISTED_TO = text("UPDATE rescoring SET enlisted_to = CAST(:last AS bigint) WHERE id = :id")

# An image that waits for another request stays: that one may be cancelled.
_DROP_LISTS = text(
    """
    DELETE FROM rescoring_image AS listed USING rescoring
    WHERE rescoring.id = listed.rescoring_id AND enlisted_to IS NULL
        AND NOT EXISTS (
            SELECT FROM object JOIN work ON work.object_id = object.id
            WHERE object.image_id = listed.image_id AND work.rescoring_id <> rescoring.id
                AND work.model_version_id = rescoring.model_version_id
        )
    """
)

_CALL_BACK = text(
    f"""
    UPDATE work SET source_id = place.source_id, state = 'waiting', reason = NULL, detail = NULL
    FROM object CROSS JOIN LATERAL ({PLACE_OF_OBJECT}) AS place
    WHERE rescoring_id IS NOT NULL AND work.state = 'failed' AND work.reason = 'vanished'
        AND object.id = work.object_id
    RETURNING work.id
    """  # noqa: S608 - no value of a user is in it
)
