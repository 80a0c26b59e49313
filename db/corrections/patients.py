"""Merging and splitting patients, as HL7's ADT A40 means it: the films follow, scores stay."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.errors import RefusedCorrection


@dataclass(frozen=True)
class _Patient:
    """A row of a patient; ``person_id`` is whose trends its images count in."""

    id: int
    person_id: int
    merged_into_id: int | None


def merge(session: Session, author: Author, patient_key: str, into_key: str) -> bool:
    """Let all images of a patient count in the trends of another, now and when they arrive.

    A patient of whom no image is known is entered, since one may arrive later.

    Returns
    -------
    Whether they were apart until now.

    Raises
    ------
    RefusedCorrection
        The patient is merged into another already, or the other into it.
    """
    begin(session, author, "patient merged")
    patient, into = _patient(session, patient_key), _patient(session, into_key)
    if patient.merged_into_id == into.id:
        return False
    if patient.merged_into_id is not None:
        raise RefusedCorrection(f"{patient_key} is merged into another patient: split it first")
    if into.person_id == patient.id:
        raise RefusedCorrection(f"{into_key} counts as {patient_key}: they would form a circle")
    session.execute(_MERGE, {"patient": patient.id, "into": into.id, "last": into.person_id})
    return True


def split(session: Session, author: Author, patient_key: str) -> bool:
    """Undo the merge of one patient into another; what was merged into it stays with it.

    Returns
    -------
    Whether it was merged until now.

    Raises
    ------
    RefusedCorrection
        There is no such patient.
    """
    begin(session, author, "patient split")
    row = session.scalar(_ID, {"patient": patient_key})
    if row is None:
        raise RefusedCorrection(f"there is no patient {patient_key}")
    return bool(session.execute(_SPLIT, {"patient": row}).all())


def merged_into(session: Session, patient_key: str) -> str | None:
    """Return the key of the patient whom one is merged into, by no other between; None if none."""
    key: str | None = session.scalar(_MERGED_INTO, {"patient": patient_key})
    return key


def patient_id(session: Session, patient_key: str) -> int:
    """Return the id of a patient's row; the first call writes it."""
    session.execute(_ADD, {"patient": patient_key})
    row_id: int = session.execute(_ID, {"patient": patient_key}).scalar_one()
    return row_id


def _patient(session: Session, patient_key: str) -> _Patient:
    row = session.execute(_PATIENT, {"id": patient_id(session, patient_key)}).one()
    return _Patient(*row)


_ADD = text(
    """
    INSERT INTO patient (patient_key)
    SELECT :patient WHERE NOT EXISTS (SELECT FROM patient WHERE patient_key = :patient)
    ON CONFLICT DO NOTHING
    """
)

_ID = text("SELECT id FROM patient WHERE patient_key = :patient")

_MERGED_INTO = text(
    """
    SELECT other.patient_key FROM patient JOIN patient AS other ON other.id = patient.merged_into_id
    WHERE patient.patient_key = :patient
    """
)

_PATIENT = text("SELECT id, person_id, merged_into_id FROM patient WHERE id = :id")

# With all that were merged into it before.
_MERGE = text(
    """
    UPDATE patient SET
        merged_into_id = CASE WHEN id = :patient THEN :into ELSE merged_into_id END,
        merged_last_id = :last
    WHERE id = :patient OR merged_last_id = :patient
    """
)

_SPLIT = text(
    """
    WITH RECURSIVE with_it AS (
        SELECT id FROM patient WHERE id = :patient AND merged_into_id IS NOT NULL
        UNION SELECT patient.id FROM patient JOIN with_it ON patient.merged_into_id = with_it.id
    )
    UPDATE patient SET
        merged_into_id = CASE WHEN patient.id <> :patient THEN merged_into_id END,
        merged_last_id = CASE WHEN patient.id <> :patient THEN CAST(:patient AS bigint) END
    FROM with_it WHERE patient.id = with_it.id
    RETURNING patient.id
    """
)
