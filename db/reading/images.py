"""Images as a person looks for them: by patient or by UID, with their scores and history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.reading import history
from db.reading.site.rejections import ObjectPlace, places


@dataclass(frozen=True)
class StoredImage:
    """An image, and what became of it. ``patient_key`` may be merged into ``person_key``.

    ``scored_by`` are the model versions that scored it; ``failed_by`` those that could not, with
    the reason. ``object_id`` is None once another took its place.
    """

    image_id: int
    image_uid: str
    patient_key: str
    person_key: str
    acquired_at: datetime | None
    acquired_source: str
    acquired_zone: str
    view: str
    standing: str
    object_id: int | None
    scored_by: tuple[str, ...]
    failed_by: Mapping[str, str]


@dataclass(frozen=True)
class ImageHistory:
    """An image with the places of its object and all corrections."""

    image: StoredImage
    places: tuple[ObjectPlace, ...]
    corrections: tuple[history.Correction, ...]


def of_patient(session: Session, patient_key: str) -> list[StoredImage]:
    """List all images of a person, also those that count in no trend; the earliest first."""
    return [
        _image(dict(row)) for row in session.execute(_OF_PERSON, {"id": patient_key}).mappings()
    ]


def with_history(session: Session, image: str) -> list[ImageHistory]:
    """Find the images with this id or UID, the newest first; all but one are superseded."""
    rows = session.execute(_NAMED, {"id": image}).mappings()
    return [_with_history(session, _image(dict(row))) for row in rows]


def _with_history(session: Session, image: StoredImage) -> ImageHistory:
    object_ids = [] if image.object_id is None else [image.object_id]
    return ImageHistory(
        image,
        tuple(place for lying in places(session, object_ids).values() for place in lying),
        tuple(history.of_image(session, image.image_id)),
    )


def _image(columns: dict[str, Any]) -> StoredImage:
    scored, failed = columns.pop("scored"), columns.pop("failed")
    return StoredImage(**columns, scored_by=tuple(scored), failed_by=failed)


_IMAGES = """
    SELECT image.id AS image_id, image_uid, patient.patient_key,
        person.patient_key AS person_key, acquired_at,
        CAST(acquired_source AS text) AS acquired_source, acquired_zone,
        CAST(view AS text) AS view, CAST(standing AS text) AS standing, object.id AS object_id,
        ARRAY(
            SELECT key FROM score JOIN model_version ON model_version.id = score.model_version_id
            WHERE score.image_id = image.id ORDER BY model_version.id
        ) AS scored,
        coalesce((
            SELECT jsonb_object_agg(key, work.reason)
            FROM work JOIN model_version ON model_version.id = work.model_version_id
            WHERE work.object_id = object.id AND work.state = 'failed'
        ), '{}') AS failed
    FROM image
    JOIN study ON study.id = image.study_id
    JOIN patient ON patient.id = study.patient_id
    JOIN patient AS person ON person.id = patient.person_id
    LEFT JOIN object ON object.image_id = image.id
"""

_OF_PERSON = text(
    f"""
    {_IMAGES}
    WHERE patient.person_id = (SELECT person_id FROM patient WHERE patient_key = :id)
    ORDER BY acquired_at, image.id
    """  # noqa: S608 - no value of a user is in it
)

_NAMED = text(
    f"""
    {_IMAGES}
    WHERE CAST(image.id AS text) = :id OR image_uid = :id
    ORDER BY image.id DESC
    """
)
