"""Closing claims without a score: what is rejected, what fails, and what cannot be read."""

from collections.abc import Sequence
from uuid import UUID

from db.closing.batch import Closing
from db.closing.outcomes import Closed, Rejected, Unreachable
from db.ledger import replaced
from db.ledger.places import key_digest
from db.ledger.waiting import DROP_REJECTED
from db.prepared import Prepared
from severity.domain import Fate, Reason


def reject(closing: Closing, rejected: Sequence[Rejected]) -> list[Closed]:
    """Reject objects that nobody has judged; an image that was accepted only fails."""
    if not rejected:
        return []
    closing.execute(
        (_FAIL_WORK, _REJECT_OBJECTS, DROP_REJECTED),
        objects=closing.objects(rejected),
        reasons=[item.reason.value for item in rejected],
        details=[item.detail for item in rejected],
    )
    return [
        Closed(item.work_id, Fate.REJECTED if closing.is_new(item) else Fate.FAILED, item.reason)
        for item in rejected
    ]


def put_back(closing: Closing, unreachable: Sequence[Unreachable]) -> list[Closed]:
    """Let objects wait where else they lie; else they have vanished, until they come back."""
    if not unreachable:
        return []
    objects = closing.objects(unreachable)
    closing.execute(
        (_LOSE_PLACES, _PUT_BACK),
        objects=objects,
        digests=[_digest(item.object_key) for item in unreachable],
        details=[item.detail for item in unreachable],
        archived=[item.is_archived for item in unreachable],
    )
    replaced.reject_unread(closing.session, objects)
    return [Closed(item.work_id, Fate.VANISHED, Reason.VANISHED) for item in unreachable]


def _digest(object_key: str | None) -> UUID | None:
    return None if object_key is None else key_digest(object_key)


_FAIL_WORK = Prepared(
    """
    UPDATE work SET
        state = 'failed', run_id = NULL, reason = batch.reason, detail = batch.detail
    FROM unnest(
        CAST(:objects AS bigint[]), CAST(:reasons AS text[]), CAST(:details AS text[])
    ) AS batch (object_id, reason, detail)
    WHERE work.object_id = batch.object_id AND work.model_version_id = :model AND work.is_judged
    """
)

_REJECT_OBJECTS = Prepared(
    """
    UPDATE object SET
        state = 'rejected', reason = batch.reason, detail = batch.detail, run_id = :run,
        decided_at = clock_timestamp()
    FROM unnest(
        CAST(:objects AS bigint[]), CAST(:reasons AS text[]), CAST(:details AS text[])
    ) AS batch (object_id, reason, detail)
    WHERE object.id = batch.object_id AND object.state = 'received'
    """
)

# The next listing that shows the place reads it again, whatever its fingerprint.
_LOSE_PLACES = Prepared(
    """
    UPDATE sighting SET gone_at = now()
    FROM unnest(
        CAST(:objects AS bigint[]), CAST(:digests AS uuid[]), CAST(:archived AS boolean[])
    ) AS batch (object_id, key_digest, is_archived)
    WHERE NOT batch.is_archived AND sighting.source_id = :source
        AND sighting.key_digest = batch.key_digest AND sighting.object_id = batch.object_id
        AND sighting.gone_at IS NULL
    """
)

_PUT_BACK = Prepared(
    """
    UPDATE work SET
        run_id = NULL,
        source_id = coalesce(elsewhere.source_id, work.source_id),
        state = CAST(
            CASE WHEN elsewhere.source_id IS NULL THEN 'failed' ELSE 'waiting' END AS work_state
        ),
        reason = CASE WHEN elsewhere.source_id IS NULL THEN 'vanished' END,
        detail = CASE WHEN elsewhere.source_id IS NULL THEN batch.detail END
    FROM unnest(
        CAST(:objects AS bigint[]), CAST(:details AS text[]), CAST(:archived AS boolean[])
    ) AS batch (object_id, detail, is_archived)
    JOIN work AS own ON own.object_id = batch.object_id AND own.model_version_id = :model
    LEFT JOIN LATERAL (
        SELECT coalesce(source.archive_of_id, source.id) AS source_id
        FROM (
            SELECT id, source_id FROM sighting
            WHERE sighting.object_id = batch.object_id AND gone_at IS NULL
            -- By the object, even where little is known yet of a source and its million places.
            OFFSET 0
        ) AS present JOIN source ON source.id = present.source_id
        -- A selection is wanted wherever it lies.
        WHERE (own.rescoring_id IS NOT NULL OR EXISTS (
            SELECT FROM wanted WHERE wanted.model_version_id = :model
                AND wanted.source_id = coalesce(source.archive_of_id, source.id)
        ))
        -- An archive keeps its places: in this order, none is tried for ever.
        AND (
            NOT batch.is_archived OR source.archive_of_id IS NULL
            OR source.archive_of_id > :source
        )
        ORDER BY present.source_id <> :source, present.id LIMIT 1
    ) AS elsewhere ON true
    WHERE work.object_id = batch.object_id AND work.model_version_id = :model
    """
)
