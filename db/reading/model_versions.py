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
    SELECT model_version FROM model_versions
    WHERE name = :name AND (
        CAST(:patient AS text) IS NULL OR model_version IN (
            SELECT model_version FROM scored_patients WHERE patient_key = :patient
        )
    )
    ORDER BY registered_at, model_version
    """
)

_OF_PATIENT = text(
    """
    SELECT model_version FROM model_versions
    WHERE model_version <> :model AND model_version IN (
        SELECT model_version FROM scored_patients WHERE patient_key = :patient
    )
    ORDER BY registered_at, model_version
    """
)

_WITH_SCORES = text(
    """
    SELECT model_version FROM model_versions
    WHERE model_version <> :model AND has_scores
    ORDER BY registered_at, model_version
    """
)
