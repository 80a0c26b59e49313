"""What was seen at each place of a source, and what keeps the rest from being seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger
from db.ledger.places import KNOWN, ObstructedPlace, Place, arrays_of, as_array
from db.prepared import Prepared

FEWEST_MISSED = 10
"""Of fewer places it is no sign of a fault that they are gone at once."""

_MISSED_TO_SHOWN = 9  # nine of ten places


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


def known(session: Session, source_id: int, places: Sequence[Place]) -> list[int]:
    """Return the ids of the places where something lay when the source was last listed."""
    values = {"source": source_id, "digests": arrays_of(places)["digests"]}
    return list(_KNOWN_PLACES.execute(session, values).scalars())


@dataclass(frozen=True)
class Gone:
    """How many places of a source a whole listing did not show, and whether that is believed."""

    places: int
    is_believed: bool = True


@dataclass(frozen=True)
class WholeListing:
    """What a whole listing of a source showed.

    ``present`` has the ids of the known places that it showed, and ``hidden`` the folders that
    could not be listed: nothing is known of what lies in them. With ``may_be_unmounted`` it is not
    believed that most of what was there is gone.
    """

    present: Sequence[int]
    hidden: Sequence[str] = ()
    may_be_unmounted: bool = False


def mark_gone(session: Session, source_id: int, run_id: int, listed: WholeListing) -> Gone:
    """Mark the places of a source that a whole listing did not show.

    If it did not show nine of ten that were there, nothing is marked: it seems to be unmounted, or
    another one. What lies elsewhere now was moved and is not missed. What other runs saw after the
    start of this one is left alone.
    """
    lock_ledger(session)
    values = {
        "source": source_id,
        "run": run_id,
        "present": as_array(listed.present),
        "hidden": [folder + "/" for folder in listed.hidden],
    }
    savepoint = session.begin_nested()
    marked = list(session.scalars(_MARK_GONE, values))
    if _is_suspicious(len(marked), listed):
        missed: int = session.execute(_COUNT_MISSED, {"marked": as_array(marked)}).scalar_one()
        if _is_suspicious(missed, listed):
            savepoint.rollback()
            return Gone(missed, is_believed=False)
    savepoint.commit()
    return Gone(len(marked))


def _is_suspicious(missed: int, listed: WholeListing) -> bool:
    most = max(FEWEST_MISSED, _MISSED_TO_SHOWN * len(listed.present))
    return listed.may_be_unmounted and missed >= most


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

_KNOWN_PLACES = Prepared(
    f"""
    SELECT sighting.id
    FROM unnest(CAST(:digests AS uuid[])) AS shown (key_digest)
    {KNOWN}
    WHERE sighting.gone_at IS NULL
    """  # noqa: S608 - no value of a user is in it
)

# What lies in another place now was moved.
_COUNT_MISSED = text(
    """
    SELECT count(*) FROM sighting
    WHERE id = ANY (CAST(:marked AS bigint[])) AND NOT EXISTS (
        SELECT FROM sighting AS elsewhere
        WHERE elsewhere.object_id = sighting.object_id AND elsewhere.gone_at IS NULL
    )
    """
)

_COUNT_PRESENT = text("SELECT count(*) FROM sighting WHERE source_id = :source AND gone_at IS NULL")
