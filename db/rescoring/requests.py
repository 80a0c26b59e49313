"""Requests to score a selection of accepted images again by another model version."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.ledger.lock import lock_ledger
from db.rescoring.enlisting import is_of_days


@dataclass(frozen=True)
class Selection:
    """Which valid images to score again; all that there are by now, if nothing is chosen.

    Parameters
    ----------
    first_day, last_day
        Days of acquisition, in UTC, both included. Images without a date are left out then.
    images
        Our own numbers of images, or their UIDs; None: not by a list.
    """

    first_day: date | None = None
    last_day: date | None = None
    images: Sequence[str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Requested:
    """A request that was entered, and which entries of its list name no valid image."""

    id: int
    unknown: tuple[int, ...] = ()


@dataclass(frozen=True)
class OpenRequest:
    """A request with images that have yet to be enlisted or scored.

    ``model`` and ``precision`` are what its model version is loaded by.
    """

    id: int
    model_version_id: int
    model_version: str
    model: str
    precision: str


def request(
    session: Session, model_version_id: int, selection: Selection, *, who: str
) -> Requested:
    """Enter a request; its images are enlisted later, by `db.rescoring.enlisting`.

    Returns
    -------
    With the indices of the entries of the list that name no valid image.
    """
    values = {
        "model": model_version_id,
        "first": selection.first_day,
        "last": selection.last_day,
        "is_list": selection.images is not None,
        "who": who,
    }
    request_id: int = session.execute(_REQUEST, values).scalar_one()
    if selection.images is None:
        return Requested(request_id)
    entries = {"id": request_id, "names": list(selection.images)}
    unknown = tuple(session.scalars(_ENTER_LIST, entries))
    session.execute(_NOTE_UNKNOWN, {"id": request_id, "unknown": len(unknown)})
    return Requested(request_id, unknown)


def open_requests(session: Session) -> list[OpenRequest]:
    """List the requests that are not done, oldest first; those of which all is gone are done."""
    return [OpenRequest(**row) for row in session.execute(_OPEN).mappings()]


def places(session: Session, request_id: int) -> list[str]:
    """List the locations of the sources where images of a request wait or are claimed."""
    return list(session.scalars(_PLACES, {"id": request_id}))


def count_waiting(session: Session, request_id: int, location: str) -> int:
    """Count the images of a request that wait in a source."""
    values = {"id": request_id, "location": location}
    return int(session.scalar(_COUNT_WAITING, values) or 0)


def cancel(session: Session, request_id: int, *, who: str) -> bool:
    """Cancel a request: what waits for it is dropped, and its scores stay.

    What a run has claimed is scored all the same; what another request or a source wants scored
    waits on.

    Returns
    -------
    Whether there is such a request that was not cancelled before.
    """
    lock_ledger(session)
    values = {"id": request_id, "who": who}
    if session.execute(_CANCEL, values).first() is None:
        return False
    for statement in (_HAND_OVER, _LEAVE_WANTED, _DROP_WORK, _DROP_LIST):
        session.execute(statement, values)
    return True


_REQUEST = text(
    """
    INSERT INTO rescoring (
        model_version_id, newest_image_id, first_day, last_day, is_list, requested_by
    )
    SELECT :model, coalesce(max(image.id), 0), :first, :last, :is_list, :who FROM image
    RETURNING id
    """
)

# An entry that is a number is our own; a UID has dots.
_ENTER_LIST = text(
    """
    WITH entries AS (
        SELECT name, place - 1 AS place
        FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS listed (name, place)
    ), known AS (
        SELECT place, image.id AS image_id
        FROM entries JOIN image ON image.id = CAST(name AS bigint)
        WHERE name ~ '^[0-9]{1,18}$' AND image.standing = 'valid'
        UNION ALL SELECT place, image.id
        FROM entries JOIN image ON image_uid = name AND image.standing = 'valid'
    ), entered AS (
        INSERT INTO rescoring_image (rescoring_id, image_id)
        SELECT DISTINCT :id, image_id FROM known
    )
    SELECT place FROM entries WHERE place NOT IN (SELECT place FROM known) ORDER BY place
    """
)

_NOTE_UNKNOWN = text("UPDATE rescoring SET unknown = :unknown WHERE id = :id")

_OPEN = text(
    """
    SELECT rescoring.id, model_version_id, key AS model_version, name AS model, precision
    FROM rescoring JOIN model_version ON model_version.id = model_version_id
    WHERE enlisted_to IS NOT NULL OR EXISTS (
        SELECT FROM work
        WHERE work.rescoring_id = rescoring.id AND state IN ('waiting', 'claimed')
    )
    ORDER BY rescoring.id
    """
)

_PLACES = text(
    """
    SELECT location FROM source WHERE EXISTS (
        SELECT FROM work
        WHERE rescoring_id = :id AND work.source_id = source.id AND state IN ('waiting', 'claimed')
    ) ORDER BY id
    """
)

_COUNT_WAITING = text(
    """
    SELECT count(*) FROM work JOIN source ON source.id = work.source_id
    WHERE rescoring_id = :id AND location = :location AND state = 'waiting'
    """
)

_CANCEL = text(
    """
    UPDATE rescoring
    SET cancelled_at = clock_timestamp(), cancelled_by = :who, enlisted_to = NULL
    WHERE id = :id AND cancelled_at IS NULL
    RETURNING id
    """
)

# Another request came to these images while they waited for this one, and left them to it.
_HAND_OVER = text(
    f"""
    WITH left_to_it AS (
        SELECT DISTINCT ON (work.id) work.id AS work_id, other.id AS rescoring_id
        FROM work JOIN object ON object.id = work.object_id JOIN image ON image.id = object.image_id
        JOIN rescoring AS other ON other.model_version_id = work.model_version_id
        WHERE work.rescoring_id = :id AND work.state <> 'claimed'
            AND other.id <> :id AND other.cancelled_at IS NULL
            AND image.id <= other.newest_image_id
            AND (other.enlisted_to IS NULL OR image.id <= other.enlisted_to)
            AND (NOT is_list OR EXISTS (
                SELECT FROM rescoring_image
                WHERE rescoring_image.rescoring_id = other.id AND image_id = image.id
            ))
            AND {is_of_days("other.first_day", "other.last_day")}
        ORDER BY work.id, other.id
    ), handed_over AS (
        UPDATE work SET rescoring_id = left_to_it.rescoring_id
        FROM left_to_it WHERE work.id = left_to_it.work_id
        RETURNING work.rescoring_id
    )
    UPDATE rescoring_count AS kept SET n = greatest(kept.n - counted.n, 0)
    FROM (SELECT rescoring_id, count(*) AS n FROM handed_over GROUP BY 1) AS counted
    WHERE kept.rescoring_id = counted.rescoring_id AND what = 'before'
    """  # noqa: S608 - no value of a user is in it
)

_LEAVE_WANTED = text(
    """
    UPDATE work SET rescoring_id = NULL
    FROM wanted
    WHERE rescoring_id = :id AND wanted.source_id IN (work.counts_in_id, work.source_id)
        AND wanted.model_version_id = work.model_version_id
    """
)

_DROP_WORK = text("DELETE FROM work WHERE rescoring_id = :id AND state <> 'claimed'")

_DROP_LIST = text("DELETE FROM rescoring_image WHERE rescoring_id = :id")
