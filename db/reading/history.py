"""The history of corrections: who changed what, when and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Correction:
    """One change of one object, image or patient, with the values before and after it."""

    at: datetime
    who: str
    why: str
    what: str
    object_id: int | None
    image_id: int | None
    patient_key: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def of_object(session: Session, object_id: int) -> list[Correction]:
    """List what changed the decision on an object, oldest first."""
    return _corrections(session, "correction.object_id = :id", object_id)


def of_image(session: Session, image_id: int) -> list[Correction]:
    """List what changed an image or the decision on its object, oldest first."""
    return _corrections(
        session,
        "correction.image_id = :id "
        "OR correction.object_id IN (SELECT id FROM object WHERE image_id = :id)",
        image_id,
    )


def of_patient(session: Session, patient_key: str) -> list[Correction]:
    """List merges and splits of a person's patients and changes of their images, oldest first.

    Also of images that were theirs before they were moved.
    """
    return _corrections(session, _OF_PERSON, patient_key)


def _corrections(session: Session, condition: str, value: object) -> list[Correction]:
    rows = session.execute(
        text(f"{_CORRECTIONS} WHERE {condition} ORDER BY correction.id"), {"id": value}
    )
    return [_correction(dict(row)) for row in rows.mappings()]


def _correction(columns: dict[str, Any]) -> Correction:
    before = _readable(columns.pop("before"), columns.pop("key_before"))
    after = _readable(columns.pop("after"), columns.pop("key_after"))
    return Correction(**columns, before=before, after=after)


def _readable(values: Mapping[str, Any] | None, patient_key: str | None) -> dict[str, Any]:
    """Return one side of a change; a patient is named by its key, since our ids say nothing."""
    return {
        _PATIENTS.get(name, name): patient_key if name in _PATIENTS else value
        for name, value in (values or {}).items()
    }


_PATIENTS = {"study_id": "patient", "merged_into_id": "merged_into"}

_CORRECTIONS = """
    SELECT at, who, why, what, correction.object_id, correction.image_id, patient.patient_key,
        before, patient_before.patient_key AS key_before,
        after, patient_after.patient_key AS key_after
    FROM correction
    LEFT JOIN patient ON patient.id = correction.patient_id
    LEFT JOIN study AS study_before ON study_before.id = CAST(before ->> 'study_id' AS bigint)
    LEFT JOIN study AS study_after ON study_after.id = CAST(after ->> 'study_id' AS bigint)
    LEFT JOIN patient AS patient_before ON patient_before.id
        = coalesce(study_before.patient_id, CAST(before ->> 'merged_into_id' AS bigint))
    LEFT JOIN patient AS patient_after ON patient_after.id
        = coalesce(study_after.patient_id, CAST(after ->> 'merged_into_id' AS bigint))
"""

_OF_PERSON = """
    EXISTS (
        SELECT FROM patient AS own
        WHERE own.person_id = (SELECT person_id FROM patient WHERE patient_key = :id)
            AND own.id IN (correction.patient_id, patient_before.id, patient_after.id)
    )
    OR correction.image_id IN (
        SELECT image.id FROM image
        JOIN study ON study.id = image.study_id
        JOIN patient ON patient.id = study.patient_id
        WHERE person_id = (SELECT person_id FROM patient WHERE patient_key = :id)
    )
"""
