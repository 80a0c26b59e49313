"""Sources, and the model versions that shall score their images."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger
from db.ledger.waiting import CALL_BACK


@dataclass(frozen=True)
class Source:
    """A row of a source. ``zone`` is the time zone that its times without one were read in."""

    id: int
    zone: str


def register(session: Session, location: str, *, zone: str, name: str | None = None) -> Source:
    """Return a source's row; the first call writes it, a later one may rename it.

    None changes its zone.

    Parameters
    ----------
    name
        What the site calls it; None: as before, or "inbox" if it is new.

    Raises
    ------
    LookupError
        It is the archive of a source, which is never listed.
    """
    values = {"location": location, "zone": zone, "name": name}
    session.execute(_REGISTER, values)
    row = session.execute(_SOURCE, values).one_or_none()
    if row is None:
        raise LookupError("it is the archive of a source")
    if name is not None:
        session.execute(_RENAME, values)
    return Source(*row)


def register_archive(session: Session, source_id: int, location: str) -> int:
    """Return the row of a source's archive, where its scored files are moved; it is never listed.

    Raises
    ------
    LookupError
        The location is that of a source, or of another source's archive.
    """
    values = {"source": source_id, "location": location}
    session.execute(_REGISTER_ARCHIVE, values)
    row_id: int | None = session.scalar(_ARCHIVE, values)
    if row_id is None:
        raise LookupError("another source is there")
    return row_id


def want(session: Session, source_id: int, *, model_version_id: int) -> bool:
    """Want the images of a source scored by a model version, from now on.

    Returns
    -------
    Whether objects that were seen before have yet to be enlisted for it, by `enlist_seen`.
    """
    values = {"source": source_id, "model": model_version_id}
    session.execute(_WANT, values)
    return bool(session.scalar(_IS_BEHIND, values))


def enlist_seen(session: Session, source_id: int, *, model_version_id: int, limit: int) -> int:
    """Enlist the next objects that were seen before a model version was wanted.

    Returns
    -------
    How many images or unread objects wait for it that did not before. Call it again until `want`
    returns false.
    """
    lock_ledger(session)
    values = {"source": source_id, "model": model_version_id, "limit": limit}
    objects = list(session.scalars(_NEXT, values))
    waiting = session.execute(_ENLIST_SEEN, values | {"objects": objects}).all()
    # Without a next object all have been enlisted.
    session.execute(_ENLISTED_TO, values | {"last": max(objects, default=None)})
    return len(waiting)


@dataclass(frozen=True)
class Retirement:
    """What ended with a model version: in how many sources, and how many images waited for it."""

    sources: int
    waited: int


def retire_everywhere(session: Session, model_version: str) -> Retirement:
    """Stop wanting a model version, by its key, in all sources; see `retire`.

    Raises
    ------
    LookupError
        No source wants it.
    """
    wanting = session.execute(_WANTING, {"model": model_version}).all()
    if not wanting:
        raise LookupError(f"no source wants {model_version}")
    row_id = wanting[0].model_version_id
    waited: int = session.execute(_COUNT_WORK, {"model": row_id}).scalar_one()
    for row in wanting:
        retire(session, row.source_id, model_version_id=row_id)
    return Retirement(len(wanting), waited)


def retire(session: Session, source_id: int, *, model_version_id: int) -> None:
    """Stop wanting a model version in a source.

    Its scores stay. What waits for it is dropped, but for what another source wants scored.
    """
    lock_ledger(session)
    values = {"source": source_id, "model": model_version_id}
    for statement in (_RETIRE, _MOVE_WORK, _LEAVE_WORK, _DROP_WORK):
        session.execute(statement, values)


_REGISTER = text(
    """
    INSERT INTO source (location, zone, name)
    SELECT :location, :zone, coalesce(:name, 'inbox')
    WHERE NOT EXISTS (SELECT FROM source WHERE location = :location)
    ON CONFLICT DO NOTHING
    """
)

_RENAME = text("UPDATE source SET name = :name WHERE location = :location AND name <> :name")

_SOURCE = text("SELECT id, zone FROM source WHERE location = :location AND archive_of_id IS NULL")

_REGISTER_ARCHIVE = text(
    """
    INSERT INTO source (location, zone, name, archive_of_id)
    SELECT :location, zone, name || '-archive', id FROM source WHERE id = :source
        AND NOT EXISTS (SELECT FROM source WHERE location = :location)
    ON CONFLICT DO NOTHING
    """
)

_ARCHIVE = text("SELECT id FROM source WHERE location = :location AND archive_of_id = :source")

_WANT = text(
    """
    INSERT INTO wanted (source_id, model_version_id)
    SELECT :source, :model
    WHERE NOT EXISTS (
        SELECT FROM wanted WHERE source_id = :source AND model_version_id = :model
    )
    ON CONFLICT DO NOTHING
    """
)

_IS_BEHIND = text(
    """
    SELECT enlisted_to IS NOT NULL FROM wanted
    WHERE source_id = :source AND model_version_id = :model
    """
)

# Copies count in another source, and are read here or in the archive of this one.
_NEXT = text(
    """
    WITH behind AS (
        SELECT enlisted_to FROM wanted
        WHERE source_id = :source AND model_version_id = :model AND enlisted_to IS NOT NULL
    )
    (
        SELECT id FROM object, behind
        WHERE source_id = :source AND id > enlisted_to ORDER BY id LIMIT :limit
    ) UNION (
        SELECT copy.object_id
        -- One after another: the index of each is in the objects' order.
        FROM source AS place, behind, LATERAL (
            SELECT object_id FROM sighting
            WHERE source_id = place.id AND is_copy AND gone_at IS NULL AND object_id > enlisted_to
            ORDER BY object_id LIMIT :limit
        ) AS copy
        WHERE :source IN (place.id, place.archive_of_id)
    )
    ORDER BY 1 LIMIT :limit
    """
)

_ENLIST_SEEN = text(
    f"""
    INSERT INTO work (object_id, source_id, counts_in_id, model_version_id, is_judged)
    SELECT object.id, :source, object.source_id, :model, object.state = 'accepted'
    FROM object LEFT JOIN image ON image.id = object.image_id
    WHERE object.id = ANY (CAST(:objects AS bigint[]))
        AND (object.state = 'received' OR image.standing = 'valid')
        AND NOT EXISTS (
            SELECT FROM score
            WHERE score.image_id = object.image_id AND score.model_version_id = :model
        )
    ORDER BY object.id
    {CALL_BACK}
    RETURNING id
    """  # noqa: S608 - no value of a user is in it
)

_ENLISTED_TO = text(
    """
    UPDATE wanted SET enlisted_to = CAST(:last AS bigint)
    WHERE source_id = :source AND model_version_id = :model
    """
)

_WANTING = text(
    """
    SELECT source_id, model_version_id
    FROM wanted JOIN model_version ON model_version.id = wanted.model_version_id
    WHERE model_version.key = :model ORDER BY source_id
    """
)

_COUNT_WORK = text(
    "SELECT count(*) FROM work WHERE model_version_id = :model AND rescoring_id IS NULL"
)

_RETIRE = text("DELETE FROM wanted WHERE source_id = :source AND model_version_id = :model")

# Another source shows the object, and wants it.
_MOVE_WORK = text(
    """
    UPDATE work SET
        source_id = wanted.source_id, state = 'waiting', run_id = NULL, reason = NULL,
        detail = NULL
    FROM sighting AS elsewhere
    JOIN source AS place ON place.id = elsewhere.source_id
    JOIN wanted ON wanted.source_id = coalesce(place.archive_of_id, place.id)
    WHERE work.source_id = :source AND work.model_version_id = :model
        AND (work.state <> 'failed' OR work.reason = 'vanished')
        AND wanted.model_version_id = :model
        AND elsewhere.object_id = work.object_id AND elsewhere.gone_at IS NULL
    """
)

# Where it counts it is wanted, but it cannot be read there any more.
_LEAVE_WORK = text(
    """
    UPDATE work SET
        source_id = counts_in_id, state = 'failed', run_id = NULL,
        reason = coalesce(reason, 'vanished'), detail = coalesce(detail, '')
    FROM wanted
    WHERE work.source_id = :source AND work.model_version_id = :model
        AND wanted.source_id = work.counts_in_id AND wanted.model_version_id = :model
    """
)

# What a person asked to be scored again is still to be scored.
_DROP_WORK = text(
    """
    DELETE FROM work
    WHERE source_id = :source AND model_version_id = :model AND rescoring_id IS NULL
    """
)
