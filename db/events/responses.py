"""The rows of responses: those of persons are replaced as a whole."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses import binary_copy
from db.courses.binary_copy import Column


def erase_responses(session: Session, model_version_id: int, person_ids: Sequence[int]) -> None:
    """Erase the responses of persons by one model version, also to events that were of others."""
    values = {"model": model_version_id, "persons": list(person_ids)}
    for statement in (_ERASE_OF_PERSONS, _ERASE_OF_EVENTS):
        session.execute(statement, values)


def write_responses(session: Session, columns: Mapping[str, Column]) -> None:
    """Write the responses of persons who have none: an array for each column of ``response``."""
    binary_copy.write(session, "response", columns)


# Two statements: of a condition with OR, PostgreSQL would read all responses.
_ERASE_OF_PERSONS = text(
    """
    DELETE FROM response
    WHERE person_id = ANY (CAST(:persons AS bigint[])) AND model_version_id = :model
    """
)

_ERASE_OF_EVENTS = text(
    """
    DELETE FROM response USING event, patient
    WHERE patient.person_id = ANY (CAST(:persons AS bigint[])) AND event.patient_id = patient.id
        AND response.event_id = event.id AND response.model_version_id = :model
    """
)
