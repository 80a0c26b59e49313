"""What was seen at each place of a source, and what keeps the rest from being seen."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger
from db.ledger.places import KNOWN, ObstructedPlace, Place, arrays_of, as_array
from db.prepared import Prepared


def unchanged(session: Session, source_id: int, places: Sequence[Place]) -> Mapping[int, int]:
    """Look up the places that need not be read again.

    Returns
    -------
    The ids of their sightings, by the place's index in ``places``.
    """
    rows = _UNCHANGED.execute(session, {"source": source_id, **arrays_of(places)})
    return {row.place - 1: row.id for row in rows}


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
        "present": as_array(present),
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
        **arrays_of([obstacle.place for obstacle in obstacles]),
    }


_UNCHANGED = Prepared(
    f"""
    SELECT shown.place, sighting.id
    FROM unnest(CAST(:digests AS uuid[]), CAST(:fingerprints AS uuid[])) WITH ORDINALITY
        AS shown (key_digest, fingerprint, place)
    {KNOWN}
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
    {KNOWN}
    WHERE sighting.object_id IS NOT NULL
        OR (sighting.fingerprint = shown.fingerprint AND sighting.obstacle = shown.reason)
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
