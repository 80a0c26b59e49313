"""What lay in a place before the object that lies there now."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from db.ledger.waiting import DROP_REJECTED
from db.prepared import Prepared


def successions(session: Session, object_ids: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Find which of these objects lay where another of them lies now.

    Returns
    -------
    The ids of the earlier object and of the one that lies there now, for each such pair.
    """
    rows = _SUCCESSIONS.execute(session, {"objects": sorted(object_ids)}).all()
    return frozenset((row.earlier, row.later) for row in rows)


def reject_unread(session: Session, object_ids: Sequence[int]) -> None:
    """Reject objects that were replaced before anyone read them; nothing of them is left to read.

    One that lies elsewhere too, or that a run has claimed, is left alone.
    """
    for statement in (_REJECT_UNREAD, DROP_REJECTED):
        statement.execute(session, {"objects": list(object_ids)})


_SUCCESSIONS = Prepared(
    """
    SELECT replaced.object_id AS earlier, sighting.object_id AS later
    FROM replaced JOIN sighting USING (source_id, key_digest)
    WHERE replaced.object_id = ANY (CAST(:objects AS bigint[]))
        AND sighting.object_id = ANY (CAST(:objects AS bigint[]))
        AND replaced.object_id <> sighting.object_id
    """
)

_REJECT_UNREAD = Prepared(
    """
    UPDATE object SET
        state = 'rejected', reason = 'superseded', decided_at = clock_timestamp(),
        detail = 'another file lay under its key before it was read'
    WHERE id = ANY (CAST(:objects AS bigint[])) AND state = 'received'
        AND EXISTS (SELECT FROM replaced WHERE replaced.object_id = object.id)
        AND NOT EXISTS (
            SELECT FROM sighting WHERE sighting.object_id = object.id AND gone_at IS NULL
        )
        AND NOT EXISTS (
            SELECT FROM work WHERE work.object_id = object.id AND work.state = 'claimed'
        )
    """
)
