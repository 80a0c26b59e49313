"""The rows of responses: those of persons are replaced as a whole."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses import binary_copy
from db.courses.binary_copy import Column


def erase_responses(session: Session, model_version_id: int, person_ids: Sequence[int]) -> None:
    """Erase the responses of persons by one model version."""
    session.execute(_ERASE, {"model": model_version_id, "persons": list(person_ids)})


def write_responses(session: Session, columns: Mapping[str, Column]) -> None:
    """Write the responses of persons who have none: an array for each column of ``response``."""
    binary_copy.write(session, "response", columns)


_ERASE = text(
    """
    DELETE FROM response
    WHERE person_id = ANY (CAST(:persons AS bigint[])) AND model_version_id = :model
    """
)
