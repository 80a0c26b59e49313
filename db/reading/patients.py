"""What is known of persons beside their scores: groups, merged patients, images that wait."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.prepared import Prepared


@dataclass(frozen=True)
class Merged:
    """Whom an image was recorded under, and the day on which that patient was merged."""

    patient_key: str
    on: date


def merged_images(session: Session, patient_key: str, *, zone: tzinfo) -> dict[int, Merged]:
    """Return the images of a person that were recorded under a merged patient's key, by id."""
    rows = session.execute(_MERGED_IMAGES, {"patient": patient_key})
    return {
        row.image_id: Merged(row.merged_key, row.merged_at.astimezone(zone).date()) for row in rows
    }


def groups(session: Session, patient_key: str) -> dict[str, str]:
    """Return the groups of a person, such as the arm of a trial, by name.

    Those of a patient who was merged into another are the other's.
    """
    rows = session.execute(_GROUPS, {"patient": patient_key})
    return {row.group_name: row.group_value for row in rows}


def corrected_at(session: Session, patient_key: str) -> datetime | None:
    """Return when a person, or an image of one, was last corrected; None if never."""
    at: datetime | None = session.scalar(_CORRECTED_AT, {"patient": patient_key})
    return at


def is_known(session: Session, patient_key: str) -> bool:
    """Return whether there is a patient with a key, who may have been merged into another."""
    return bool(session.scalar(_IS_KNOWN, {"patient": patient_key}))


def not_counted(session: Session, patient_key: str) -> int:
    """Count the scored images of a person that were withdrawn, or superseded by another."""
    count: int = session.scalar(_NOT_COUNTED, {"patient": patient_key}) or 0
    return count


def waiting(session: Session, patient_keys: Sequence[str], model_version: str) -> Counter[str]:
    """Count the accepted images of persons that a model version has not scored yet."""
    values = {"patients": list(patient_keys), "model": model_version}
    return Counter({row.patient_key: row.films for row in session.execute(_WAITING, values)})


def due(session: Session, patient_keys: Sequence[str], model_version: str) -> frozenset[str]:
    """Return those of the persons whose courses by a model version are not up to date."""
    values = {"patients": list(patient_keys), "model": model_version}
    return frozenset(session.scalars(_DUE, values))


def waiting_images(session: Session, patient_key: str, model_version: str) -> frozenset[int]:
    """Return the ids of a person's accepted images that a model version has not scored yet."""
    values = {"patient": patient_key, "model": model_version}
    return frozenset(_WAITING_IMAGES.execute(session, values).scalars())


_IS_KNOWN = text("SELECT EXISTS (SELECT FROM patients WHERE patient_key = :patient)")

_NOT_COUNTED = text(
    """
    SELECT count(DISTINCT image_id) FROM scored_image
    WHERE patient_key = :patient AND standing <> 'valid'
    """
)

_MERGED_IMAGES = text(
    "SELECT image_id, merged_key, merged_at FROM merged_image WHERE patient_key = :patient"
)

_GROUPS = text(
    """
    SELECT group_name, group_value FROM group_membership
    WHERE patient_key = (SELECT person_key FROM patients WHERE patient_key = :patient)
    ORDER BY group_name
    """
)

_DUE = text(
    """
    SELECT patient_key FROM due_course
    WHERE patient_key = ANY(CAST(:patients AS text[])) AND model_version = :model
    """
)

_WAITING = text(
    """
    SELECT patient_key, count(*) AS films FROM waiting_image
    WHERE patient_key = ANY(CAST(:patients AS text[])) AND model_version = :model
    GROUP BY patient_key
    """
)

_WAITING_IMAGES = Prepared(
    "SELECT image_id FROM waiting_image WHERE patient_key = :patient AND model_version = :model"
)

_CORRECTED_AT = text(
    """
    SELECT greatest(
        (
            SELECT max(correction.at)
            FROM patient AS recorded JOIN correction ON correction.patient_id = recorded.id
            WHERE recorded.person_id = person.id
        ),
        (
            SELECT max(correction.at)
            FROM patient AS recorded
            JOIN study ON study.patient_id = recorded.id
            JOIN image ON image.study_id = study.id
            JOIN correction ON correction.image_id = image.id
            WHERE recorded.person_id = person.id
        )
    )
    FROM patient AS person WHERE patient_key = :patient
    """
)
