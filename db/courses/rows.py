"""The rows of courses and summaries: those of persons are replaced as a whole."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.courses import binary_copy
from db.courses.binary_copy import Column
from db.courses.due import lock_courses


def erase(session: Session, model_version_id: int, person_ids: Sequence[int]) -> None:
    """Erase what is kept of persons' courses by one model version."""
    values = {"model": model_version_id, "persons": list(person_ids)}
    session.execute(_ERASE_COURSES, values)
    session.execute(_ERASE_SUMMARIES, values)


def erase_person(session: Session, person_ids: Sequence[int]) -> None:
    """Erase all that follows from persons' films, and that they are due; no update is under way."""
    lock_courses(session)
    for statement in _ERASE_PERSON:
        session.execute(statement, {"persons": list(person_ids)})


def write_courses(session: Session, columns: Mapping[str, Column]) -> None:
    """Write the courses of images, in place of those that they had with another person.

    Parameters
    ----------
    columns
        An array for each column of the table ``course``; masked elements are NULL.
    """
    images, models = columns["image_id"].tolist(), columns["model_version_id"]
    if images:
        # Of an image that was moved the former person is due too, but may come later.
        session.execute(_ERASE_IMAGES, {"images": images, "model": int(models[0])})
        binary_copy.write(session, "course", columns)


def write_summaries(session: Session, columns: Mapping[str, Column]) -> None:
    """Write the summaries of persons: an array for each column of ``patient_summary``."""
    binary_copy.write(session, "patient_summary", columns)


_ERASE_COURSES = text(
    """
    DELETE FROM course
    WHERE person_id = ANY (CAST(:persons AS bigint[])) AND model_version_id = :model
    """
)

_ERASE_SUMMARIES = text(
    """
    DELETE FROM patient_summary
    WHERE person_id = ANY (CAST(:persons AS bigint[])) AND model_version_id = :model
    """
)

_ERASE_IMAGES = text(
    """
    DELETE FROM course
    WHERE image_id = ANY (CAST(:images AS bigint[])) AND model_version_id = :model
    """
)

_ERASE_PERSON = tuple(
    text(f"DELETE FROM {table} WHERE {column} = ANY (CAST(:persons AS bigint[]))")  # noqa: S608 - constants
    for table, column in (
        ("course", "person_id"),
        ("patient_summary", "person_id"),
        ("course_due", "person_id"),
        ("course_choice", "patient_id"),
    )
)
