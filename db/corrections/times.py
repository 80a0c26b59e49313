"""Corrections of when an image was taken."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.corrections.images import of_image
from db.errors import RefusedCorrection
from severity.domain import TimeSource
from severity.vocabulary.times import EARLIEST_YEAR, LATEST_YEAR


def correct_time(
    session: Session, author: Author, image_id: int, at: datetime, *, is_date_alone: bool = False
) -> datetime:
    """State when an image was taken, instead of what its file says.

    Parameters
    ----------
    at
        Without a zone it is read in that of the image's source.
    is_date_alone
        Its time of day, which is midnight, is not known.

    Returns
    -------
    The time with its zone.

    Raises
    ------
    RefusedCorrection
        There is no such image; no film has a time of that year; or the time is in the future, where
        no other of the patient's is. De-identified collections shift dates by centuries.
    """
    begin(session, author, "time corrected")
    zone = of_image(session, _ZONE, image_id)
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise RefusedCorrection(f"year {at.year} is not from {EARLIEST_YEAR} to {LATEST_YEAR}")
    aware = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    if session.scalar(_IS_BEYOND, {"image": image_id, "at": aware}):
        raise RefusedCorrection(f"{at} is in the future")
    stated = TimeSource.CORRECTED.of_date_alone if is_date_alone else TimeSource.CORRECTED
    values = {"at": aware, "source": stated.value, "zone": str(aware.tzinfo)}
    session.execute(_STATE, {"image": image_id, **values})
    return aware


def restore_time(session: Session, author: Author, image_id: int) -> bool:
    """Let an image have the time again that was read from its file.

    Returns
    -------
    Whether it was corrected until now.

    Raises
    ------
    RefusedCorrection
        There is no such image.
    """
    begin(session, author, "time restored")
    if of_image(session, _SOURCE, image_id) not in _CORRECTED:
        return False
    session.execute(_RESTORE, {"image": image_id})
    return True


_CORRECTED = {TimeSource.CORRECTED, TimeSource.CORRECTED_DATE}

_ZONE = text(
    "SELECT zone FROM image JOIN source ON source.id = image.source_id WHERE image.id = :image"
)

_IS_BEYOND = text(
    """
    SELECT CAST(:at AS timestamptz) > now() AND NOT EXISTS (
        SELECT FROM image AS other JOIN study AS visit ON visit.id = other.study_id
        WHERE visit.patient_id = study.patient_id AND other.acquired_at > now()
    )
    FROM image JOIN study ON study.id = image.study_id
    WHERE image.id = :image
    """
)

_SOURCE = text("SELECT acquired_source FROM image WHERE id = :image")

_STATE = text(
    """
    UPDATE image SET acquired_at = :at, acquired_source = CAST(:source AS time_source),
        acquired_zone = :zone
    WHERE id = :image
    """
)


# The columns as they were before the image's time was first corrected: an event names what
# changed, so each column's value is in the first event from then on that names it.
_RESTORE = text(
    """
    WITH departure AS (
        SELECT id FROM correction
        WHERE image_id = :image
            AND after ->> 'acquired_source' IN ('corrected', 'corrected_date')
            AND before ->> 'acquired_source' NOT IN ('corrected', 'corrected_date')
        ORDER BY id DESC LIMIT 1
    ), original AS (
        SELECT DISTINCT ON (column_name) column_name, value
        FROM correction CROSS JOIN LATERAL jsonb_each_text(before) AS changed (column_name, value)
        WHERE image_id = :image AND id >= (SELECT id FROM departure)
        ORDER BY column_name, id
    ), columns AS (
        SELECT jsonb_object_agg(column_name, value) AS stored FROM original
    )
    UPDATE image SET (acquired_at, acquired_source, acquired_zone) = (
        SELECT acquired_at, acquired_source, acquired_zone
        FROM jsonb_populate_record(image, stored)
    )
    FROM columns WHERE image.id = :image
    """
)
