"""Model versions: which there are, what each is made of, and the scales of its scores."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from severity.domain import Scale


@dataclass(frozen=True)
class StoredVersion:
    """A model version by its key, and all that its key is made of but for the scales."""

    key: str
    name: str
    weights_sha256: str
    head_sha256: str
    preprocessing: str
    precision: str


def stored(session: Session, model_version: str) -> StoredVersion:
    """Read a model version.

    Raises
    ------
    LookupError
        There is no such model version.
    """
    row = session.execute(_STORED, {"model": model_version}).one_or_none()
    if row is None:
        raise LookupError(f"no model version {model_version}")
    return StoredVersion(*row)


def of_model(session: Session, name: str, patient_key: str | None = None) -> list[str]:
    """List a model's versions, newest last; with a patient, those that scored the patient."""
    return list(session.scalars(_OF_MODEL, {"name": name, "patient": patient_key}))


def of_patient(session: Session, patient_key: str, *, excluding: str = "") -> list[str]:
    """List the model versions, ``excluding`` one, that scored a patient, by registration."""
    return list(session.scalars(_OF_PATIENT, {"patient": patient_key, "model": excluding}))


def with_scores(session: Session, *, excluding: str) -> list[str]:
    """List the model versions, ``excluding`` one, that scored any image, by registration."""
    return list(session.scalars(_WITH_SCORES, {"model": excluding}))


def scales(session: Session, model_version: str) -> dict[str, Scale]:
    """Return the scale of each score of a model version, in points; extent comes first.

    Raises
    ------
    LookupError
        There is no such model version.
    """
    content = session.scalar(_SCALES, {"model": model_version})
    if content is None:
        raise LookupError(f"no model version {model_version}")
    return {score: Scale(**ends) for score, ends in sorted(content.items())}


_SCALES = text("SELECT scales FROM model_versions WHERE model_version = :model")

_STORED = text(
    """
    SELECT model_version, name, weights_sha256, head_sha256, preprocessing, precision
    FROM model_versions WHERE model_version = :model
    """
)

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
