"""What became of files that arrived in a source, by their keys."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.places import as_array, key_digest


class Fate(StrEnum):
    """What became of a file, or of another with the same content."""

    SCORED = "scored"
    REJECTED = "rejected"
    FAILED = "failed"  # accepted, and a model version could not score it
    WAITING = "waiting"
    UNREAD = "unread"  # it is seen, and cannot be read


def fates(session: Session, source: str, keys: Sequence[str]) -> list[Fate | None]:
    """Look up files of a source or its archive, in the order of their keys.

    Parameters
    ----------
    source
        The location of the source, as the ledger has it.

    Returns
    -------
    None for a file that no pass has listed, or that went before it was judged.
    """
    digests = as_array(map(key_digest, keys))
    rows = session.execute(_FATES, {"source": source, "digests": digests})
    known = {row.place - 1: Fate(row.fate) for row in rows}
    return [known.get(place) for place in range(len(keys))]


_FATES = text(
    """
    SELECT DISTINCT ON (shown.place) shown.place, CASE
        WHEN sighting.obstacle IS NOT NULL THEN 'unread'
        WHEN object.state = 'rejected' THEN 'rejected'
        WHEN object.state = 'received' OR left_to_do && '{waiting,claimed}' THEN 'waiting'
        WHEN 'failed' = ANY (left_to_do) THEN 'failed'
        ELSE 'scored'
    END AS fate
    FROM unnest(CAST(:digests AS uuid[])) WITH ORDINALITY AS shown (key_digest, place)
    JOIN source AS own ON own.location = :source
    JOIN source ON own.id IN (source.id, source.archive_of_id)
    JOIN sighting ON sighting.source_id = source.id AND sighting.key_digest = shown.key_digest
    LEFT JOIN object ON object.id = sighting.object_id
    CROSS JOIN LATERAL (
        SELECT array_agg(CAST(state AS text)) AS left_to_do FROM work WHERE object_id = object.id
    ) AS work
    -- What is judged stays so when its file goes; what waits is read elsewhere, or found gone.
    WHERE sighting.gone_at IS NULL OR object.state <> 'received'
        OR left_to_do && '{waiting,claimed}'
    ORDER BY shown.place, source.archive_of_id NULLS FIRST  -- what lies in the source itself
    """
)
