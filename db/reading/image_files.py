"""Where the files of images lie, by which what the database does not store is read again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.reading.site.rejections import ObjectPlace, places


@dataclass(frozen=True)
class ImageFile:
    """An image with its UIDs and patient, and where its file lies.

    ``patient_key`` is that of the patient whose image it is, ``person_key`` that of the one whom
    this patient was merged into. ``content_sha256`` is empty once another file took its place.
    ``was_moved`` is whether a person ever moved it to another patient. UIDs and object keys are the
    hospital's own: for files that must carry them, never for a log.
    """

    image_id: int
    image_uid: str
    study_uid: str
    patient_key: str
    person_key: str
    content_sha256: str
    places: tuple[ObjectPlace, ...]
    was_moved: bool = False


def of_images(session: Session, image_ids: Sequence[int]) -> dict[int, ImageFile]:
    """Read the files of images, by the images' ids; those that do not exist are left out."""
    rows = session.execute(_FILES, {"images": list(image_ids)}).all()
    lying = places(session, [row.object_id for row in rows if row.object_id is not None])
    return {
        row.image_id: ImageFile(
            row.image_id,
            row.image_uid,
            row.study_uid,
            row.patient_key,
            row.person_key,
            row.content_sha256,
            tuple(lying.get(row.object_id, ())),
            row.was_moved,
        )
        for row in rows
    }


_FILES = text(
    """
    SELECT image.id AS image_id, image_uid, study_uid, patient.patient_key,
        person.patient_key AS person_key, object.id AS object_id,
        coalesce(encode(content_sha256, 'hex'), '') AS content_sha256,
        EXISTS (
            SELECT FROM correction
            WHERE correction.image_id = image.id AND what = 'image moved'
        ) AS was_moved
    FROM image
    JOIN study ON study.id = image.study_id
    JOIN patient ON patient.id = study.patient_id
    JOIN patient AS person ON person.id = patient.person_id
    LEFT JOIN object ON object.image_id = image.id
    WHERE image.id = ANY (CAST(:images AS bigint[]))
    """
)
