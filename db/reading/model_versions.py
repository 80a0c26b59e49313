"""Lists of model versions: those of a model, those that scored a patient, those with scores."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def of_model(session: Session, name: str, patient_key: str | None = None) -> list[str]:
    """List a model's versions, newest last; with a patient, those that scored the patient."""
    return list(session.scalars(_OF_MODEL, {"name": name, "patient": patient_key}))


def of_patient(session: Session, patient_key: str, *, excluding: str = "") -> list[str]:
    """List the model versions, ``excluding`` one, that scored a patient, by registration."""
    return list(session.scalars(_OF_PATIENT, {"patient": patient_key, "model": excluding}))


def with_scores(session: Session, *, excluding: str) -> list[str]:
    """List the model versions, ``excluding`` one, that scored any image, by registration."""
    return list(session.scalars(_WITH_SCORES, {"model": excluding}))


_OF_MODEL = text(
    """
    SELECT key FROM model_version
    WHERE name = :name AND (
        CAST(:patient AS text) IS NULL OR EXISTS (
            SELECT FROM score JOIN patient ON patient.id = score.patient_id
            WHERE score.model_version_id = model_version.id AND patient_key = :patient
        )
    )
    ORDER BY model_version.id
    """
)

_OF_PATIENT = text(
    """
    SELECT key FROM model_version WHERE key <> :model AND EXISTS (
        SELECT FROM score JOIN patient ON patient.id = score.patient_id
        WHERE score.model_version_id = model_version.id AND patient_key = :patient
    )
    ORDER BY model_version.id
    """
)

_WITH_SCORES = text(
    """
    SELECT key FROM model_version WHERE key <> :model AND EXISTS (
        SELECT FROM score WHERE score.model_version_id = model_version.id
    )
    ORDER BY model_version.id
    """
)
